//! One request to the API server: how long it may take, and what its failure means.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::fence::Fence;
use super::{ClusterError, ClusterErrorKind, Done};
use crate::mandate::Mandate;

/// Longest that a request may take.
///
/// Shorter than the five seconds between the end of a leader's acting and the next leader's start.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// When the API server ends a watch, in seconds, and the watch begins anew from where it was.
///
/// A watch whose connection has died is noticed five seconds later. Until then nothing is seen, so this is
/// a tenth of kube's own time; six requests a minute are nothing to an API server.
pub const WATCH_SECONDS: u32 = 30;

/// How much longer than its watches last a connection may be silent.
const SILENCE: Duration = Duration::from_secs(15);

/// A client for the API server that a file names, or else the environment: in a pod by its service account,
/// elsewhere by `KUBECONFIG`. When the mandate ends, its connections end, and nothing more is sent.
///
/// A connection on which nothing comes is given up. kube has no limit of its own, and a list or the start
/// of a watch would wait for ever. `watch_seconds` says how long its watches last.
pub async fn connect(
    kubeconfig: Option<&Path>,
    watch_seconds: u32,
    mandate: Mandate,
) -> anyhow::Result<Client> {
    let mut config = match kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file)?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    config.connect_timeout = Some(REQUEST_TIMEOUT);
    config.read_timeout = Some(Duration::from_secs(watch_seconds.into()) + SILENCE);
    // Whoever asked decides whether to ask again: the queue knows what else has gone wrong.
    config.default_retry = false;
    client(config, mandate)
}

/// A client whose connections last no longer than the mandate.
pub(super) fn client(config: Config, mandate: Mandate) -> anyhow::Result<Client> {
    Ok(ClientBuilder::try_from((config, Fence(mandate)))?.build())
}

/// Waits for the answer to a request, but not for ever.
///
/// A request that was not answered may have taken effect. It is on the heap: it takes kilobytes, and thousands of
/// passes may wait to make one.
pub(super) fn answered<'a, T: 'a>(
    doing: &'a str,
    name: &'a str,
    request: impl Future<Output = kube::Result<T>> + 'a,
) -> impl Future<Output = Done<T>> + 'a {
    answered_within(REQUEST_TIMEOUT, doing, name, Box::pin(request))
}

async fn answered_within<T>(
    limit: Duration,
    doing: &str,
    name: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Done<T> {
    let Ok(done) = tokio::time::timeout(limit, request).await else {
        let message = format!("the API server did not answer within {limit:?}");
        let (doing, kind) = (format!("{doing} {name}"), ClusterErrorKind::Retry);
        return Err(ClusterError { doing, kind, message, retry_after: None });
    };
    done.map_err(|error| failed(doing, name, error))
}

/// A failed request, sorted by what it means.
fn failed(doing: &str, name: &str, error: kube::Error) -> ClusterError {
    let doing = format!("{doing} {name}");
    let kube::Error::Api(status) = error else {
        let message = told(&error);
        return ClusterError { doing, kind: ClusterErrorKind::Retry, message, retry_after: None };
    };
    let kind = match status.code {
        404 => ClusterErrorKind::Gone,
        409 => ClusterErrorKind::Conflict,
        429 | 500..=599 => ClusterErrorKind::Retry,
        _ => ClusterErrorKind::Refused,
    };
    let seconds = status.details.map_or(0, |details| details.retry_after_seconds);
    let retry_after = (seconds > 0).then(|| SignedDuration::from_secs(seconds.into()));
    ClusterError { doing, kind, message: status.message, retry_after }
}

/// An error with its causes: kube's own words stop at the first.
fn told(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = next.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_is_not_answered_ends_and_says_what_it_was() {
        let silent = std::future::pending::<kube::Result<()>>();
        let limit = Duration::from_millis(5);
        let error = answered_within(limit, "deleting NodeENIAttachment", "x", silent).await.unwrap_err();
        assert_eq!(error.kind, ClusterErrorKind::Retry);
        let words = "deleting NodeENIAttachment x: the API server did not answer within 5ms";
        assert_eq!(error.to_string(), words);
    }

    #[tokio::test]
    async fn the_api_servers_own_wait_is_kept() {
        let status = serde_json::from_value(serde_json::json!({
            "kind": "Status", "status": "Failure", "code": 429, "reason": "TooManyRequests",
            "message": "slow down", "details": { "retryAfterSeconds": 7 },
        }));
        let refused: kube::Result<()> = Err(kube::Error::Api(Box::new(status.unwrap())));
        let error = answered("labelling node", "n", std::future::ready(refused)).await.unwrap_err();
        assert_eq!(error.retry_after, Some(SignedDuration::from_secs(7)));
    }
}
