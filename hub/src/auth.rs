//! Who is asking, and what they may do.
//!
//! A caller shows a [`Token`] (`Authorization: Bearer …`) or the dashboard's cookie, which holds
//! the [`Session`] that follows from a token. The store keeps neither, only hashes of both, so
//! that reading it lets nobody in and a rebuilt database locks nobody out.

mod cache;
mod failed_logins;
mod secret;
mod tokens;

pub(crate) use cache::TokenCache;
pub(crate) use failed_logins::FailedLogins;
pub(crate) use secret::{Session, Token};
pub(crate) use tokens::{AuthError, TokenRecord, Tokens};

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reading everything.
    Viewer,
    /// Reading and changing everything.
    Admin,
    /// Telling the hub of new commits, and nothing else.
    Agent,
}

impl Role {
    /// Whether it allows an action.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Read => matches!(self, Self::Viewer | Self::Admin),
            Action::Change => matches!(self, Self::Admin),
            Action::Notify => matches!(self, Self::Agent | Self::Admin),
        }
    }

    /// As `--role` and the store's file write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
            Self::Agent => "agent",
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "admin" => Ok(Self::Admin),
            "agent" => Ok(Self::Agent),
            _ => Err("write viewer, admin or agent"),
        }
    }
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look at figures, rows, status.
    Read,
    /// Change data or settings.
    Change,
    /// Say that a site has a new commit.
    Notify,
}

/// Somebody who may do what their role allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's name.
    pub name: String,
    /// What it allows.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_this_and_nothing_else() {
        let allowed = |role: Role| {
            [Action::Read, Action::Change, Action::Notify].map(|action| role.allows(action))
        };
        assert_eq!(allowed(Role::Viewer), [true, false, false]);
        assert_eq!(allowed(Role::Admin), [true, true, true]);
        assert_eq!(allowed(Role::Agent), [false, false, true]);
    }
}
