//! Why something was not asked of AWS, or was refused.

use std::fmt;

/// Why something was not asked of AWS, or was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    #[error("AWS cannot be asked: no {what}")]
    NotConfigured { what: &'static str },
    #[error("AWS cannot be asked for {action}: no valid signature could be made: {detail}")]
    Unsigned { action: String, detail: String },
    #[error("AWS does not answer {action}: {}", super::chain(.source))]
    Unreachable {
        action: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("AWS refused {action} ({status} {code}): {message}")]
    Refused {
        action: String,
        status: u16,
        /// AWS's name of the reason.
        code: String,
        message: String,
    },
    #[error("AWS answered {action} with what this version does not read: {detail}")]
    Unreadable { action: String, detail: String },
    /// The call was answered, and the function failed.
    #[error("the function {function} failed ({kind}): {detail}; its log says more")]
    FunctionFailed {
        function: String,
        /// `Handled` or `Unhandled`.
        kind: String,
        detail: String,
    },
}

impl AwsError {
    pub(super) fn client(source: reqwest::Error) -> Self {
        Self::unreachable("anything", source)
    }

    pub(super) fn unreachable(action: &str, source: reqwest::Error) -> Self {
        let action = action.to_owned();
        Self::Unreachable { action, source }
    }

    pub(super) fn unsigned(action: &str, why: &dyn fmt::Display) -> Self {
        Self::Unsigned {
            action: action.to_owned(),
            detail: why.to_string(),
        }
    }

    pub(super) fn unreadable(action: &str, detail: impl Into<String>) -> Self {
        Self::Unreadable {
            action: action.to_owned(),
            detail: detail.into(),
        }
    }

    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unsigned { .. } | Self::FunctionFailed { .. } => true,
            Self::Refused { status, code, .. } => {
                *status >= 500
                    || *status == 429
                    || code.contains("Throttl")
                    // Between two states, which passes.
                    || code.starts_with("InvalidDBInstanceState")
            }
            Self::NotConfigured { .. } | Self::Unreadable { .. } => false,
        }
    }

    /// Whether the cause is wrong usage or configuration.
    #[must_use]
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::NotConfigured { .. })
    }
}
