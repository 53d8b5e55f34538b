//! `causeway-hub token`: who may use the API.

use std::time::Duration;

use causeway_shared::ids::SiteName;
use causeway_shared::runtime::clock;
use causeway_shared::runtime::program::{Answer, Exit};
use clap::Subcommand;
use tokio::time::timeout;

use super::{CliError, show};
use crate::auth::{Role, Tokens};
use crate::db::DbError;
use crate::document::CopyError;
use crate::sync::Hub;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is shown once and kept as a hash
    #[command(after_help = "Examples:\n  \
        causeway-hub token create --role admin --name lan\n  \
        causeway-hub token create --role agent --name hcm-01 --site hcm-01")]
    Create {
        /// What it allows: viewer, admin or agent
        #[arg(long)]
        role: Role,
        /// Who or what uses it
        #[arg(long)]
        name: String,
        /// The one site that an agent tells of
        #[arg(long, value_name = "SITE", required_if_eq("role", "agent"))]
        site: Option<SiteName>,
    },
    /// List the tokens, without their secrets
    #[command(after_help = "Example: causeway-hub token list")]
    List,
    /// Revoke a token by its id, or all of one name
    #[command(after_help = "Example: causeway-hub token revoke lan")]
    Revoke {
        /// Id or name
        id_or_name: String,
    },
}

impl TokenCommand {
    pub(super) async fn answer(self, hub: &Hub, json: bool) -> Result<Answer, CliError> {
        let tokens = Tokens::new(hub.store());
        let (answer, text) = match self {
            Self::Create { role, name, site } => {
                let (token, record) = tokens.create(&name, role, site, clock::now()).await?;
                copy(&tokens, hub).await;
                let token = token.reveal();
                let answer = serde_json::json!({
                    "token": token,
                    "role": record.role.as_str(),
                    "name": record.name,
                    "id": record.id,
                    "site": record.site,
                });
                (
                    answer,
                    format!("{token}\n\nKeep it now: it is not shown again.\n"),
                )
            }
            Self::List => {
                let records = tokens.list().await?;
                let text = show::tokens(&records);
                (serde_json::json!({ "tokens": records }), text)
            }
            Self::Revoke { id_or_name } => {
                let records = tokens.revoke(&id_or_name).await?;
                copy(&tokens, hub).await;
                let text = format!("revoked:\n{}", show::tokens(&records));
                (serde_json::json!({ "revoked": records }), text)
            }
        };
        Ok(Answer::of(json, &answer, text, Exit::Done))
    }
}

/// How long the database may take for its copy: the token is made or revoked without it.
const COPY_WITHIN: Duration = Duration::from_secs(3);

/// Has the configured database keep the tokens as they are now, for a hub that starts while the
/// store is away.
async fn copy(tokens: &Tokens, hub: &Hub) {
    let problem = match timeout(COPY_WITHIN, tokens.copy_to(&**hub.database())).await {
        // A database that is not there yet gets its copy from the first hub that looks.
        Ok(Ok(()) | Err(CopyError::Database(DbError::NotInitialised { .. }))) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the database does not answer".to_owned(),
    };
    tracing::warn!(
        error = problem,
        "the database may keep an older copy of the tokens, which counts where a hub starts while \
         the store is away; the next hub that reads the store renews it"
    );
}
