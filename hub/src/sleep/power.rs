//! Who starts and stops the database's server.

use std::time::Duration;

use tokio::time::sleep;

use crate::aws::{Aws, AwsError, InstanceState};
use crate::config::HubConfig;

/// How often the instance is asked whether it has come out of what it is busy with.
const POLL: Duration = Duration::from_secs(10);
/// How long that is waited for.
const BETWEEN: Duration = Duration::from_secs(15 * 60);

/// Who starts and stops the database's server.
#[derive(Debug)]
pub(crate) enum Power {
    /// This program, by asking RDS.
    Instance { aws: Box<Aws>, instance: String },
    /// The keeper, which looks at `hub/wake.json`.
    Keeper,
    /// Whoever runs it.
    Operator,
}

impl Power {
    /// As configured.
    ///
    /// # Errors
    /// [`AwsError::NotConfigured`]
    pub(crate) async fn open(config: &HubConfig) -> Result<Self, AwsError> {
        if config.aws.keeper {
            return Ok(Self::Keeper);
        }
        if config.aws.instance.is_empty() {
            return Ok(Self::Operator);
        }
        Ok(Self::Instance {
            aws: Box::new(Aws::open(config).await?),
            instance: config.aws.instance.clone(),
        })
    }

    /// Who it is, as reports name it.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Instance { .. } => "rds",
            Self::Keeper => "keeper",
            Self::Operator => "operator",
        }
    }

    /// Has the server stop, where that is this program's to do. Asked again it changes nothing.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(super) async fn stop(&self) -> Result<(), AwsError> {
        let Self::Instance { aws, instance } = self else {
            return Ok(());
        };
        match settled(aws, instance).await? {
            InstanceState::Available => {
                let asked = aws.stop_instance(instance).await;
                done_by_anyone(asked, aws, instance, InstanceState::Available).await
            }
            InstanceState::Stopped | InstanceState::Between => Ok(()),
        }
    }

    /// Has it start, likewise.
    ///
    /// # Errors
    /// [`AwsError`]
    pub(super) async fn start(&self) -> Result<(), AwsError> {
        let Self::Instance { aws, instance } = self else {
            return Ok(());
        };
        match settled(aws, instance).await? {
            InstanceState::Stopped => {
                let asked = aws.start_instance(instance).await;
                done_by_anyone(asked, aws, instance, InstanceState::Stopped).await
            }
            InstanceState::Available | InstanceState::Between => Ok(()),
        }
    }
}

/// What came of asking for an instance to leave a state. Of two who do so at once RDS refuses the second.
async fn done_by_anyone(
    asked: Result<(), AwsError>,
    aws: &Aws,
    instance: &str,
    from: InstanceState,
) -> Result<(), AwsError> {
    match asked {
        Err(error) if aws.instance_state(instance).await? == from => Err(error),
        _ => Ok(()),
    }
}

/// How an instance stands, once it is out of what it is busy with; what lasts for too long is told as that.
async fn settled(aws: &Aws, instance: &str) -> Result<InstanceState, AwsError> {
    let mut waited = Duration::ZERO;
    loop {
        let state = aws.instance_state(instance).await?;
        if state != InstanceState::Between || waited >= BETWEEN {
            return Ok(state);
        }
        tracing::info!(instance, "the instance is busy; it is waited for");
        sleep(POLL).await;
        waited += POLL;
    }
}
