//! Who is asking, and what they may do.
//!
//! A caller shows a [`Token`] (`Authorization: Bearer …`) or the dashboard's cookie, which holds a
//! [`Session`] that was begun with a token and ends with it. The store keeps neither, only hashes of
//! both, so that reading it lets nobody in and a rebuilt database locks nobody out. The database
//! keeps a copy of these hashes, so that a hub that starts while the store is away knows its callers.

mod authenticator;
mod cache;
mod failed_sign_ins;
mod secret;
mod sessions;
mod tokens;

pub(crate) use authenticator::Authenticator;
pub(crate) use failed_sign_ins::{FailedSignIn, FailedSignIns};
pub(crate) use secret::{Session, Token};
pub(crate) use sessions::SESSION_LASTS;
pub(crate) use tokens::{AuthError, TokenRecord, Tokens};

use std::str::FromStr;

use causeway_shared::ids::SiteName;
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
    /// The token's id.
    pub token: String,
    /// The token's name.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The one site that an agent's token is for.
    pub site: Option<SiteName>,
}

impl Caller {
    /// Whose change it is, as the journal names them.
    pub(crate) fn actor(&self) -> String {
        format!("{}/{}", self.role.as_str(), self.name)
    }
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
