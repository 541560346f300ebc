//! Client tokens: the same request again gets the same answer again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::ApiError;

/// A token in use.
#[derive(Clone, Debug)]
struct Used<Q, A> {
    request: Q,
    answer: A,
    at: Timestamp,
}

/// The tokens of an action.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<Q, A>(BTreeMap<String, Arc<Used<Q, A>>>);

impl<Q, A> Default for Tokens<Q, A> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// What is known of a token, for people and tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenState {
    /// The action.
    pub action: &'static str,
    /// The token.
    pub token: String,
    /// What it made.
    pub made: String,
    /// When it was first used.
    pub at: Timestamp,
}

impl<Q: PartialEq, A: Clone> Tokens<Q, A> {
    /// The answer that the token got before; none if it is new or forgotten.
    pub(crate) fn replay(
        &self,
        token: Option<&str>,
        request: &Q,
        now: Timestamp,
        life: Duration,
    ) -> Result<Option<A>, ApiError> {
        let Some(token) = token else { return Ok(None) };
        if token.len() > 64 || !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(ApiError::value(format!(
                "Invalid value '{token}' for clientToken: up to 64 ASCII characters"
            )));
        }
        match self.0.get(token).filter(|used| now < used.at.plus(life)) {
            None => Ok(None),
            Some(used) if used.request == *request => Ok(Some(used.answer.clone())),
            Some(_) => Err(ApiError::client(
                "IdempotentParameterMismatch",
                "The client token was already used by a request with different parameters.",
            )),
        }
    }

    /// Remembers the answer that the token got.
    pub(crate) fn note(&mut self, token: Option<&str>, request: Q, answer: A, at: Timestamp) {
        if let Some(token) = token {
            self.0.insert(token.to_owned(), Arc::new(Used { request, answer, at }));
        }
    }

    /// Lists the tokens.
    pub(crate) fn list(&self, action: &'static str, made: impl Fn(&A) -> String) -> Vec<TokenState> {
        let state = |(token, used): (&String, &Arc<Used<Q, A>>)| TokenState {
            action,
            token: token.clone(),
            made: made(&used.answer),
            at: used.at,
        };
        self.0.iter().map(state).collect()
    }
}
