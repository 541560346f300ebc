//! Parts that a machine may lack: a failure where everything has to be there, a reason to skip elsewhere.

use anyhow::{Error, Result};

/// Whether this is a machine that has to have everything.
#[must_use]
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Whether a test that needs a part can run. If not, says why; in CI that is an error.
///
/// `part` is `Ok` if the part is there, or else the reason why it is not.
pub fn has(part: Result<()>) -> Result<bool> {
    answer(part, in_ci())
}

fn answer(part: Result<()>, required: bool) -> Result<bool> {
    match part {
        Ok(()) => Ok(true),
        Err(reason) if required => Err(reason),
        Err(reason) => {
            say(&reason);
            Ok(false)
        }
    }
}

fn say(reason: &Error) {
    println!("skipped: {reason:#}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_part_is_an_error_where_it_is_required_only() {
        let missing = || Err(anyhow::anyhow!("no Go"));
        assert!(answer(Ok(()), true).unwrap());
        assert!(!answer(missing(), false).unwrap());
        assert_eq!(answer(missing(), true).unwrap_err().to_string(), "no Go");
    }
}
