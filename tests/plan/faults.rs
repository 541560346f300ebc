//! The reference system's faults, and what shows that a plan cannot have them.

/// A fault of aws-multi-eni-controller, and the tests that show it cannot happen, by path in this target.
///
/// W17, W20, W26 to W29, W32 to W34 and what is wrong on nodes (W36 on) are not a plan's to show: the schema, the watches,
/// the client and the agent are.
pub(crate) const SHOWN_BY: &[(&str, &str, &[&str])] = &[
    (
        "W1",
        "a hot loop at idle",
        &[
            "fanout_properties::an_unchanged_world_gets_an_unchanged_status",
            "settling::at_rest_nothing_is_asked_or_said_anew",
            "rollup_table::a_transition_time_moves_with_the_status_and_with_nothing_else",
        ],
    ),
    (
        "W2",
        "five calls per attachment",
        &[
            "asks_table::a_settled_slot_asks_nothing",
            "instance_properties::a_slot_that_asks_nothing_gets_no_step",
        ],
    ),
    (
        "W3",
        "ENIs of other zones, for ever",
        &[
            "fanout_properties::a_slot_is_made_only_for_a_selected_node_and_a_listed_subnet_of_its_zone_and_vpc",
        ],
    ),
    (
        "W4",
        "permanent failures without back-off",
        &[
            "instance_table::a_full_instance_creates_nothing_and_says_so",
            "instance_table::a_slot_in_back_off_says_and_does_nothing",
            "rollup_table::a_node_that_can_get_no_eni_is_told_by_its_kind_and_name",
            "small_tables::what_only_a_person_can_mend_is_tried_seldom",
        ],
    ),
    (
        "W5",
        "deleteOnTermination ignored",
        &[
            "settling::what_stands_at_rest_is_as_the_spec_wants_it",
            "instance_table::a_user_who_keeps_enis_is_not_overruled",
        ],
    ),
    (
        "W6",
        "changes of the spec ignored",
        &[
            "fanout_table::an_edit_of_the_spec_reaches_the_slots_that_stay",
            "instance_table::an_attached_eni_is_brought_to_what_the_spec_says_and_no_further",
        ],
    ),
    (
        "W7",
        "a lost status doubles an ENI",
        &["instance_table::a_lost_record_waits_for_the_lag_and_then_adopts_or_creates"],
    ),
    (
        "W8",
        "creates that are not idempotent",
        &[
            "instance_properties::a_create_is_recorded_as_asked_now_before_it_is_asked",
            "instance_properties::an_unanswered_create_is_repeated_with_its_token_and_any_other_create_has_a_higher_epoch",
        ],
    ),
    (
        "W9",
        "a finalizer that times out",
        &["fanout_properties::the_finalizer_goes_last", "instance_properties::the_object_goes_last"],
    ),
    (
        "W10",
        "deletions that starve each other",
        &["settling::every_world_comes_to_rest_with_each_slot_filled_once"],
    ),
    ("W11", "two clean-ups of one ENI", &["instance_properties::the_same_world_gives_the_same_plan"]),
    (
        "W12",
        "ENIs ripped off running nodes",
        &[
            "fanout_table::a_node_that_is_missing_or_unnamed_or_unknown_to_ec2_loses_nothing",
            "fanout_properties::nothing_is_removed_without_a_reason_that_was_seen",
            "instance_properties::an_attached_eni_is_detached_only_when_its_node_lets_go",
            "release_table::a_use_that_was_reported_stands_where_there_is_no_node_to_take_it_back",
        ],
    ),
    (
        "W13",
        "an ENI detached by hand leaks",
        &["instance_table::an_eni_that_somebody_detached_is_attached_again"],
    ),
    (
        "W14",
        "lost updates",
        &["fanout_properties::a_slot_keeps_its_mark_and_its_identity_through_every_update"],
    ),
    (
        "W15",
        "indices that change in silence",
        &[
            "events_table::another_device_index_than_the_one_asked_for_is_a_warning",
            "verdicts_table::another_position_than_the_one_asked_for_is_said_and_does_not_matter_to_ready",
            "instance_properties::no_position_is_given_twice_or_while_it_is_held",
            "offsets_over_time::one_name_means_one_subnet_in_a_zone_as_long_as_its_enis_live",
        ],
    ),
    (
        "W16",
        "a repeated subnet makes two ENIs",
        &[
            "resolve_table::an_id_and_a_name_of_one_subnet_are_one_subnet",
            "fanout_table::a_subnet_that_is_listed_twice_makes_one_slot",
        ],
    ),
    (
        "W18",
        "long names",
        &[
            "small_tables::an_object_name_is_one_for_each_slot_and_fits_kubernetes",
            "fanout_table::a_name_too_long_for_a_label_is_told_by_its_digest",
        ],
    ),
    (
        "W19",
        "names of other VPCs",
        &[
            "resolve_table::a_name_means_nothing_in_another_vpc",
            "resolve_table::groups_are_those_of_the_nodes_vpc_sorted_once_each",
            "resolve_table::a_group_that_is_not_there_or_elsewhere_is_told_before_anything_is_made",
        ],
    ),
    (
        "W21",
        "silent failure",
        &[
            "rollup_table::what_does_not_resolve_is_told_with_its_reason",
            "verdicts_table::each_kind_of_failure_has_its_reason_and_ec2s_words",
        ],
    ),
    (
        "W22",
        "no grace for old listings",
        &[
            "instance_properties::a_listing_within_the_lag_takes_nothing_back",
            "belief_table::within_the_lag_a_listing_proves_progress_and_nothing_else",
        ],
    ),
    (
        "W23",
        "an ENI moved by hand wedges the object",
        &[
            "belief_table::beyond_the_lag_the_listing_is_the_truth",
            "node_life_table::an_eni_that_somebody_moved_is_waited_for_and_not_replaced",
            "node_life_table::an_eni_that_somebody_moved_is_detached_there_by_force_or_in_the_end",
        ],
    ),
    ("W24", "no parallelism within an object", &["instance_properties::the_order_of_slots_does_not_matter"]),
    (
        "W25",
        "all attachments in one object",
        &["rollup_table::the_references_list_is_cut_at_its_bound_and_the_rest_is_counted"],
    ),
    (
        "W30",
        "the metadata service of somebody else's instance changed",
        &["hop_limit_table::only_instances_of_nodes_that_are_selected_are_touched"],
    ),
    (
        "W31",
        "hop limits of a whole region changed, and lowered",
        &[
            "hop_limit_table::a_limit_is_only_raised_and_only_if_that_was_asked_for",
            "hop_limit_table::nothing_is_touched_for_an_object_on_which_nothing_is_done",
        ],
    ),
    (
        "W35",
        "a missing permission that nobody tells of",
        &[
            "authority_table::a_slot_that_was_refused_is_told_of_its_object_in_the_slots_words",
            "authority_table::credentials_that_are_not_taken_and_a_create_that_would_be_refused_are_told_and_looked_at_again",
        ],
    ),
];

/// The sources of this target, in which every test of the table must be.
const SOURCES: &[(&str, &str)] = &[
    ("asks_table", include_str!("asks_table.rs")),
    ("authority_table", include_str!("authority_table.rs")),
    ("belief_table", include_str!("belief_table.rs")),
    ("events_table", include_str!("events_table.rs")),
    ("fanout_properties", include_str!("fanout_properties.rs")),
    ("fanout_table", include_str!("fanout_table.rs")),
    ("hop_limit_table", include_str!("hop_limit_table.rs")),
    ("instance_properties", include_str!("instance_properties.rs")),
    ("instance_table", include_str!("instance_table.rs")),
    ("node_life_table", include_str!("node_life_table.rs")),
    ("offsets_over_time", include_str!("offsets_over_time.rs")),
    ("release_table", include_str!("release_table.rs")),
    ("resolve_table", include_str!("resolve_table.rs")),
    ("rollup_table", include_str!("rollup_table.rs")),
    ("settling", include_str!("settling.rs")),
    ("small_tables", include_str!("small_tables.rs")),
    ("verdicts_table", include_str!("verdicts_table.rs")),
];

#[test]
fn every_fault_is_shown_by_tests_that_exist() {
    for (fault, what, tests) in SHOWN_BY {
        assert!(!tests.is_empty(), "{fault}: {what}");
        for test in *tests {
            let (module, name) = test.split_once("::").unwrap();
            let (_, source) = SOURCES.iter().find(|(known, _)| *known == module).unwrap();
            assert!(source.contains(&format!("fn {name}(")), "{fault}: no test {test}");
        }
    }
}
