//! What callers get of the errors of this program.

use super::{Code, Problem};
use crate::auth::AuthError;
use crate::error::HubError;
use crate::services::error::ServiceError;
use crate::sleep::SleepError;

impl From<HubError> for Problem {
    fn from(error: HubError) -> Self {
        match error {
            HubError::UnknownSite { .. } => Self::new(Code::NotFound, error.to_string()),
            HubError::TooManyPins { .. } => Self::new(Code::NotAllowedNow, error.to_string()),
            HubError::NoDateOfParts { .. } => Self::bad_request(error),
            // What is damaged stays so until somebody has mended it, and says what and how.
            HubError::Site(_) | HubError::Document(_) | HubError::Archive(_)
                if !error.is_retryable() =>
            {
                Self::new(Code::Unavailable, error.to_string()).because(error)
            }
            error => Self::new(
                Code::Unavailable,
                "the database or the store cannot be reached now; see the hub's log",
            )
            .because(error),
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        let problem = |code| Self::new(code, detail);
        match error {
            ServiceError::Hub(error) => Self::from(error),
            ServiceError::Invalid(errors) => Self {
                errors,
                ..problem(Code::Invalid)
            },
            ServiceError::KeyTaken(_, present) => problem(Code::Clash).with_present(present),
            ServiceError::Clash(present) => problem(Code::Clash).with_present(present),
            ServiceError::NotUnique(_) => problem(Code::Clash),
            ServiceError::NotAllowed(_, present) => {
                problem(Code::NotAllowedNow).with_present(present)
            }
            ServiceError::Changed(_, present) => Self {
                present: present.map(|present| *present),
                ..problem(Code::Changed)
            },
            ServiceError::NotFound(_) => problem(Code::NotFound),
            ServiceError::Unreadable(_) => problem(Code::BadRequest),
            ServiceError::RangeTooLong { .. } => problem(Code::RangeTooLong),
            ServiceError::SiteRequired(_) => problem(Code::SiteRequired),
            ServiceError::ReadOnly(_) => problem(Code::ReadOnly),
            ServiceError::Asleep(_) => problem(Code::DatabaseAsleep),
            ServiceError::TryAgain(_) => problem(Code::Unavailable),
        }
    }
}

impl From<SleepError> for Problem {
    fn from(error: SleepError) -> Self {
        let code = match error {
            SleepError::Hub(error) => return Self::from(error),
            SleepError::NoServer { .. }
            | SleepError::ReadOnly
            | SleepError::NotOwner { .. }
            | SleepError::Writers { .. }
            | SleepError::AnotherHead { .. } => Code::NotAllowedNow,
            SleepError::Aws(_)
            | SleepError::Unflushed { .. }
            | SleepError::NoAnswer { .. }
            | SleepError::Overtaken
            | SleepError::Halfway { .. } => Code::Unavailable,
        };
        Self::new(code, error.to_string()).because(error)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Self::new(
            Code::Unavailable,
            "callers cannot be recognised now; see the hub's log",
        )
        .because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SiteError;

    #[test]
    fn what_is_damaged_is_said_and_what_passes_is_not() {
        let site = "hcm-01".parse().unwrap();
        let key = "sites/hcm-01/log/1.json".to_owned();
        let damaged = HubError::Site(SiteError::Vacuumed { site, key });
        let problem = Problem::from(damaged);
        assert_eq!(problem.code, Code::Unavailable);
        assert!(
            problem.detail.contains("sites/hcm-01/log/1.json"),
            "{}",
            problem.detail
        );
    }
}
