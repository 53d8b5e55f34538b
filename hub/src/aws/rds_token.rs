//! The token by which RDS lets somebody in whom IAM knows. It is signed on this machine: RDS itself
//! checks it, so that nothing else has to be reached.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings};
use form_urlencoded::{Serializer, byte_serialize};
use jiff::Timestamp;

use super::{Aws, AwsError, signed};

/// How long a token lets anybody in; a connection that it opened goes on.
const VALID_FOR: Duration = Duration::from_secs(15 * 60);
/// What is signed, for messages.
const ACTION: &str = "a token for the database";

impl Aws {
    /// A token for a user of a PostgreSQL or MySQL server.
    ///
    /// # Errors
    /// [`AwsError`] where there are no credentials or no region.
    pub(crate) async fn rds_token(
        &self,
        server: (&str, u16),
        user: &str,
        now: Timestamp,
    ) -> Result<String, AwsError> {
        let credentials = self.credentials(ACTION).await?;
        let region = region_of(server.0).map_or_else(|| self.region(), Ok)?;
        token(server, user, region, (&credentials, now))
    }
}

/// The region that stands in the name of a server of RDS's.
fn region_of(host: &str) -> Option<&str> {
    let before = host.strip_suffix(".rds.amazonaws.com")?;
    before.rsplit('.').next()
}

fn token(
    (host, port): (&str, u16),
    user: &str,
    region: &str,
    (credentials, now): (&Credentials, Timestamp),
) -> Result<String, AwsError> {
    // A blank is `+` in a form, and nowhere else.
    let user = byte_serialize(user.as_bytes())
        .collect::<String>()
        .replace('+', "%20");
    let asked = format!("{host}:{port}/?Action=connect&DBUser={user}");
    let url = format!("https://{asked}");
    let request = SignableRequest::new(
        "GET",
        url.as_str(),
        std::iter::empty(),
        SignableBody::Bytes(&[]),
    );
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(VALID_FOR);
    settings.signature_location = SignatureLocation::QueryParams;
    let for_whom = (region, "rds-db", now);
    let signed = signed(request, ACTION, credentials, for_whom, settings)?;
    let mut query = Serializer::new(String::new());
    for (name, value) in signed.params() {
        query.append_pair(name, value);
    }
    Ok(format!("{asked}&{}", query.finish()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Where a token leads, and its parameters.
    fn parts(token: &str) -> (&str, BTreeMap<String, String>) {
        let (to, query) = token.split_once('?').unwrap();
        let pairs = form_urlencoded::parse(query.as_bytes());
        (to, pairs.into_owned().collect())
    }

    #[test]
    fn it_is_the_one_that_botocore_makes() {
        // botocore RDS: generate_db_auth_token with its clock at 2025-11-28T02:30:00Z.
        let of_botocore = "causeway.abc123.ap-southeast-1.rds.amazonaws.com:5432/?Action=connect&DBUser=causeway%20hub\
            &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20251128%2Fap-southeast-1%2Frds-db%2Faws4_request\
            &X-Amz-Date=20251128T023000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
            &X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Ftoken%2B%2F%3D&X-Amz-Signature=4bd2ae2216835e4068b88cb6acd8add2b1649d9d45499cec36d69770461f6657";
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            Some("IQoJb3JpZ2luX2VjEXAMPLE//token+/=".to_owned()),
            None,
            "test",
        );
        let now = "2025-11-28T02:30:00Z".parse().unwrap();
        let host = "causeway.abc123.ap-southeast-1.rds.amazonaws.com";
        let region = region_of(host).unwrap();
        let token = token((host, 5432), "causeway hub", region, (&credentials, now));
        assert_eq!(parts(&token.unwrap()), parts(of_botocore));
    }
}
