//! What EC2 answers when it refuses: a code, a sentence, and an HTTP status.

use serde::Serialize;

/// A refusal as EC2 words it. The code is what callers decide on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiError {
    /// EC2's error code, e.g. `InvalidSubnetID.NotFound`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// The HTTP status the error travels with.
    pub status: u16,
}

impl ApiError {
    /// Makes an error with a status of its own.
    pub fn new(code: impl Into<String>, message: impl Into<String>, status: u16) -> Self {
        Self { code: code.into(), message: message.into(), status }
    }

    /// Makes a client error: status 400, as nearly all of EC2's are.
    pub(crate) fn client(code: &str, message: impl Into<String>) -> Self {
        Self::new(code, message, 400)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::client("InvalidParameterValue", message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::client("InvalidParameterCombination", message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::client("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::client("IncorrectState", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::client("OperationNotPermitted", message)
    }

    pub(crate) fn dependency(message: impl Into<String>) -> Self {
        Self::client("DependencyViolation", message)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for ApiError {}
