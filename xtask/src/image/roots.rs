//! The certificate authorities that an image trusts: Mozilla's, of the version that `Cargo.lock` names.

use std::fmt::Write as _;

use crate::pem::pem;

/// All of them, as a file of PEM.
pub(super) fn bundle() -> String {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().fold(String::new(), |mut text, root| {
        // Writing to a string does not fail.
        let _ = write!(text, "{}", pem("CERTIFICATE", root));
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn bundle_has_every_root_once() {
        let text = super::bundle();
        let count = text.matches("-----BEGIN CERTIFICATE-----\n").count();
        assert_eq!(count, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(count > 100 && text.ends_with("-----END CERTIFICATE-----\n"));
    }
}
