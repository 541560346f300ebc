//! What the SDK says of a call that failed, in our words.

use std::error::Error;

use aws_sdk_ec2::{
    config::http::HttpResponse,
    error::{ErrorMetadata, ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use super::convert::Unusable;
use crate::{
    ec2::{readable, sort},
    mandate::{Lapsed, is_lapse},
    model::{Call, Ec2Error, Ec2ErrorKind, LEASE_LOST},
};

/// Where credentials come from, for somebody who has given none.
pub(super) const WAYS_TO_CREDENTIALS: &str = "give the pod credentials by IRSA, by EKS Pod Identity, by the instance \
     profile (IMDSv2 with a hop limit of 2), or by the environment";

/// Kind, code and message of an error.
type Fault = (Ec2ErrorKind, String, String);

/// Puts a failed call into our words.
pub(super) fn failed<E>(call: Call) -> impl FnOnce(SdkError<E, HttpResponse>) -> Ec2Error
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| {
        let (kind, code, message) = sorted(&error);
        tracing::debug!(%call, %code, request = error.request_id(), "EC2 call failed");
        Ec2Error { call, kind, code, message }
    }
}

/// Puts an answer that cannot be used into our words: it says as much as none.
pub(super) fn unusable(call: Call) -> impl FnOnce(Unusable) -> Ec2Error {
    move |what| Ec2Error {
        call,
        kind: Ec2ErrorKind::NoAnswer,
        code: "UnusableAnswer".to_owned(),
        message: what.to_string(),
    }
}

fn sorted<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        _ if is_lapse(error) => (Ec2ErrorKind::Conflict, LEASE_LOST.to_owned(), Lapsed.to_string()),
        SdkError::ServiceError(answer) => refusal(answer.err().meta(), answer.raw().status().as_u16()),
        SdkError::ConstructionFailure(_) => no_credentials(error),
        SdkError::DispatchFailure(_) if of_credentials(&chain(error)) => no_credentials(error),
        SdkError::DispatchFailure(_) => no_answer("Unreachable", error),
        SdkError::TimeoutError(_) => no_answer("Timeout", error),
        SdkError::ResponseError(_) => no_answer("UnreadableAnswer", error),
        _ => no_answer("Unknown", error),
    }
}

/// EC2's refusal. One without a code comes from something between us and EC2.
fn refusal(said: &ErrorMetadata, status: u16) -> Fault {
    let message = readable(said.message().unwrap_or_default()).to_owned();
    let Some(code) = said.code() else {
        return (Ec2ErrorKind::NoAnswer, format!("HTTP{status}"), message);
    };
    let mut kind = sort(code, &message);
    if kind == Ec2ErrorKind::Refused && status >= 500 {
        kind = Ec2ErrorKind::NoAnswer;
    }
    (kind, code.to_owned(), message)
}

/// Whether the SDK speaks of the search for credentials rather than of the network.
///
/// To it both are failures to dispatch, a connection that breaks after the request included. Only the
/// words tell them apart, and only what is known to be unsent may be told as such: anything else may
/// have taken effect. The tests hold the words against the SDK's.
fn of_credentials(said: &str) -> bool {
    ["credential", "identity resolver", "auth scheme"].iter().any(|words| said.contains(words))
}

/// The request was never sent, because it could not be signed.
fn no_credentials(error: &(dyn Error + 'static)) -> Fault {
    let message = format!("{}; {WAYS_TO_CREDENTIALS}", chain(error));
    (Ec2ErrorKind::Unauthenticated, "NoCredentials".to_owned(), message)
}

fn no_answer(code: &str, error: &(dyn Error + 'static)) -> Fault {
    (Ec2ErrorKind::NoAnswer, code.to_owned(), chain(error))
}

/// The error and its causes in one line, without the SDK's dump of what it knew.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::{
        config::http::HttpResponse, error::ConnectorError, operation::describe_subnets::DescribeSubnetsError,
    };

    use super::*;

    type Subnets = SdkError<DescribeSubnetsError, HttpResponse>;

    fn answer(status: u16, code: Option<&str>) -> Subnets {
        let mut said = ErrorMetadata::builder().message("words");
        if let Some(code) = code {
            said = said.code(code);
        }
        let raw = HttpResponse::new(status.try_into().unwrap(), "".into());
        SdkError::service_error(DescribeSubnetsError::generic(said.build()), raw)
    }

    fn kind(error: Subnets) -> Ec2ErrorKind {
        failed(Call::DescribeSubnets)(error).kind
    }

    #[test]
    fn a_refusal_means_what_its_code_says() {
        assert_eq!(kind(answer(400, Some("UnauthorizedOperation"))), Ec2ErrorKind::Unauthorized);
        assert_eq!(kind(answer(503, Some("RequestLimitExceeded"))), Ec2ErrorKind::Throttled);
        assert_eq!(kind(answer(400, Some("SomethingNew"))), Ec2ErrorKind::Refused);
    }

    #[test]
    fn a_fault_of_the_server_is_no_answer_whatever_it_is_called() {
        assert_eq!(kind(answer(500, Some("SomethingNew"))), Ec2ErrorKind::NoAnswer);
        assert_eq!(kind(answer(502, None)), Ec2ErrorKind::NoAnswer);
    }

    #[test]
    fn a_lost_call_is_no_answer() {
        assert_eq!(kind(SdkError::timeout_error("slow")), Ec2ErrorKind::NoAnswer);
        assert_eq!(
            kind(SdkError::dispatch_failure(ConnectorError::io("reset".into()))),
            Ec2ErrorKind::NoAnswer
        );
        let cut = ConnectorError::other("connection closed before message completed".into(), None);
        assert_eq!(kind(SdkError::dispatch_failure(cut)), Ec2ErrorKind::NoAnswer);
        let raw = HttpResponse::new(200.try_into().unwrap(), "<html>".into());
        assert_eq!(kind(SdkError::response_error("not XML", raw)), Ec2ErrorKind::NoAnswer);
    }

    #[test]
    fn without_credentials_the_message_says_how_to_give_them() {
        let none = ConnectorError::other("no credentials found in chain".into(), None);
        let error = SdkError::dispatch_failure(none);
        let error = failed::<DescribeSubnetsError>(Call::DescribeSubnets)(error);
        assert_eq!((error.kind, error.code.as_str()), (Ec2ErrorKind::Unauthenticated, "NoCredentials"));
        for way in ["found in chain", "IRSA", "Pod Identity", "hop limit of 2", "environment"] {
            assert!(error.message.contains(way), "{way}: {}", error.message);
        }
    }
}
