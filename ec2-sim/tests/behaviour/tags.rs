use ec2_sim::api::{CreateTags, DeleteTags, DescribeTags, Filter, Tag};

use crate::region::Region;

fn tags(count: usize) -> Vec<Tag> {
    (0..count).map(|number| Tag::new(format!("k{number:02}"), "v")).collect()
}

#[test]
fn fifty_tags_are_enough() {
    let mut region = Region::new();
    let eni = region.eni("a");
    let set = |tags| CreateTags { resources: vec![eni.clone()], tags, dry_run: None };
    assert_eq!(region.refusal(set(tags(51))), "TagLimitExceeded");
    region.sim.send(set(tags(50))).unwrap();
    region.sim.send(set(vec![Tag::new("k00", "new")])).unwrap();
    assert_eq!(region.refusal(set(vec![Tag::new("other", "v")])), "TagLimitExceeded");
    assert_eq!(region.describe(&eni).unwrap().tag("k00"), Some("new"));
}

#[test]
fn one_wrong_thing_keeps_all_from_being_tagged() {
    let mut region = Region::new();
    let eni = region.eni("a");
    for (id, code) in [("eni-01234567", "InvalidNetworkInterfaceID.NotFound"), ("what-01234567", "InvalidID")]
    {
        let request = CreateTags { resources: vec![eni.clone(), id.into()], tags: tags(1), dry_run: None };
        assert_eq!(region.refusal(request), code);
    }
    assert!(region.describe(&eni).unwrap().tags.is_empty());
}

#[test]
fn a_tag_is_deleted_by_key_or_by_key_and_value() {
    let mut region = Region::new();
    let eni = region.eni("a");
    region.sim.send(CreateTags { resources: vec![eni.clone()], tags: tags(3), dry_run: None }).unwrap();
    let delete = |key: &str, value: Option<&str>| DeleteTags {
        resources: vec![eni.clone()],
        tags: vec![Tag { key: key.into(), value: value.map(Into::into) }],
        dry_run: None,
    };
    region.sim.send(delete("k00", None)).unwrap();
    region.sim.send(delete("k01", Some("other"))).unwrap();
    region.sim.send(delete("k02", Some("v"))).unwrap();
    let left: Vec<_> = region.describe(&eni).unwrap().tags.into_iter().map(|tag| tag.key).collect();
    assert_eq!(left, ["k01"]);
}

#[test]
fn tags_are_listed_across_things_in_pages() {
    let mut region = Region::new();
    let resources = vec![region.eni("a"), region.instance("m5"), region.subnet("a")];
    region.sim.send(CreateTags { resources, tags: tags(4), dry_run: None }).unwrap();
    let mut request = DescribeTags {
        filters: vec![Filter::new("key", ["k0?"])],
        max_results: Some(5),
        ..DescribeTags::default()
    };
    let mut all = Vec::new();
    loop {
        let page = region.sim.send(request.clone()).unwrap();
        all.extend(page.tags);
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    let kinds: Vec<_> = all.iter().map(|tag| tag.resource_type.as_str()).collect();
    assert_eq!(kinds, [["network-interface"; 4], ["instance"; 4], ["subnet"; 4]].concat());
}
