//! Calls to AWS, and what they change.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::{Counters, Histograms, Label, Registrar, words};
use crate::ec2::Answer;
use crate::model::{Call, Ec2ErrorKind};

/// Calls to AWS, and what they change.
pub(super) struct Calls {
    sent: Counters<3>,
    duration: Histograms<2>,
    errors: Counters<3>,
    throttling: Counter,
    operations: Counters<2>,
    operation_errors: Counters<2>,
}

/// The service of EC2's calls, as the reference system's dashboards name it.
const SERVICE: Label = ("service", "EC2");

/// A call takes 50 to 500 ms; at 4 s it is given up.
fn buckets() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0])
}

impl Calls {
    pub(super) fn new(to: &mut Registrar) -> Self {
        Self {
            sent: to.add("aws_api_calls", "Calls sent to AWS", Counters::default()),
            duration: to.add(
                "aws_api_call_duration_seconds",
                "From sending a call to its answer",
                Histograms::new_with_constructor(buckets),
            ),
            errors: to.add("aws_api_errors", "Calls that failed, by what that means", Counters::default()),
            throttling: to.add(
                "aws_throttling_events",
                "Calls that AWS refused for their rate",
                Counter::default(),
            ),
            operations: to.add("eni_operations", "Changes of ENIs", Counters::default()),
            operation_errors: to.add(
                "eni_operation_errors",
                "Changes of ENIs that failed",
                Counters::default(),
            ),
        }
    }

    /// A call was sent and has been answered, or has not.
    pub(super) fn answered<A>(&self, call: Call, answer: &Answer<A>, took: Duration) {
        let operation = ("operation", call.action());
        let status = ("status", if answer.is_ok() { "success" } else { "error" });
        let change = words::operation(call).map(|change| ("operation", change));
        self.sent.get_or_create(&[SERVICE, operation, status]).inc();
        self.duration.get_or_create(&[SERVICE, operation]).observe(took.as_secs_f64());
        if let Some(change) = change {
            self.operations.get_or_create(&[change, status]).inc();
        }
        let Err(error) = answer else { return };
        let category = words::category(error.kind);
        self.errors.get_or_create(&[SERVICE, operation, ("error_category", category)]).inc();
        if let Some(change) = change {
            self.operation_errors.get_or_create(&[change, ("error_type", category)]).inc();
        }
        if error.kind == Ec2ErrorKind::Throttled {
            self.throttling.inc();
        }
    }
}
