//! The keeper: a small function that reaches AWS, for hubs that do not. Every minute, and when RDS tells of the
//! instance, it does what `hub/wake.json` asks for.
//!
//! How the database is to stand is a state, not an order: an instance that RDS starts by itself after seven days
//! is stopped again. What is wished for besides is done once: it counts as done when the file says so, and what
//! was done when that could not be written is done again, which changes nothing.

use causeway_shared::store::Store;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::SleepError;
use crate::aws::{Aws, AwsError, InstanceState, Invocation};
use crate::config::{AwsConfig, HubConfig};
use crate::control::{Control, Outcome, SleepState, Step};
use crate::document::DocumentError;

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// The wish that is carried out by them.
    pub(crate) fulfils: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeeperReport {
    #[serde(flatten)]
    pub(crate) plan: Plan,
    /// Why not all of it was done; the next round tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// What is to be done, by what is asked for and how the instance stands; `None`: there is none.
#[must_use]
pub(crate) fn plan(control: &Control, instance: Option<InstanceState>) -> Plan {
    let mut plan = Plan::default();
    match (control.state.database, instance) {
        (SleepState::Asleep, Some(InstanceState::Available)) => plan.steps.push(Step::Stop),
        (SleepState::Waking, Some(InstanceState::Stopped)) => plan.steps.push(Step::Start),
        _ => {}
    }
    let Some(wish) = control.pending() else {
        return plan;
    };
    match wish.what {
        // The database's state says it. While the instance is between two states, it waits.
        Step::Start | Step::Stop if instance == Some(InstanceState::Between) => return plan,
        Step::Start | Step::Stop => {}
        step => plan.steps.push(step),
    }
    plan.fulfils = Some(wish.number);
    plan
}

/// Does what is asked for now.
///
/// # Errors
/// [`SleepError`] where that cannot be found out, or where it cannot be noted that it is done. What AWS refuses
/// is in the report, and in the file.
pub(crate) async fn round(
    store: &Store,
    config: &HubConfig,
    now: Timestamp,
) -> Result<KeeperReport, SleepError> {
    let aws = Aws::open(config).await?;
    let names = &config.aws;
    let control = Control::read(store).await?;
    let mut errors = Vec::new();
    let instance = match names.instance.as_str() {
        "" => None,
        instance => Some(aws.instance_state(instance).await.unwrap_or_else(|error| {
            tracing::error!(%error, "how the instance stands cannot be found out");
            errors.push((None, error.to_string()));
            // It is left alone, and what is wished for besides is done all the same.
            InstanceState::Between
        })),
    };
    let plan = plan(&control, instance);
    for step in &plan.steps {
        tracing::info!(?step, "doing what hub/wake.json asks for");
        if let Err(error) = carry_out(&aws, names, *step).await {
            tracing::error!(%error, ?step, "what hub/wake.json asks for is not done");
            errors.push((Some(*step), error.to_string()));
        }
    }
    // A wish that is done is not done again because something else failed.
    let own = control.wish.map(|wish| wish.what);
    let error_of_wish = errors.iter().find(|(step, _)| *step == own);
    let error_of_wish = error_of_wish.map(|(_, error)| error.clone());
    let error = errors.into_iter().next().map(|(_, error)| error);
    if control == Control::default() {
        // No hub has written the file yet. The first one tries whether the store is fit for it.
        return Ok(KeeperReport { plan, error });
    }
    let rule = match names.rule.as_str() {
        "" => None,
        rule => aws.rule_is_enabled(rule).await.ok(),
    };
    let noted = Control::change(store, |control| {
        if let Some(number) = plan.fulfils {
            let same = control.outcome.as_ref();
            let same = same.is_some_and(|of| of.number == number && of.error == error_of_wish);
            if !same {
                let error = error_of_wish.clone();
                control.outcome = Some(Outcome {
                    number,
                    at: now,
                    error,
                });
            }
        }
        control.archive = rule.or(control.archive);
        Ok::<_, DocumentError>(())
    });
    noted.await?;
    Ok(KeeperReport { plan, error })
}

async fn carry_out(aws: &Aws, names: &AwsConfig, step: Step) -> Result<(), AwsError> {
    match step {
        Step::Start => aws.start_instance(&names.instance).await,
        Step::Stop => aws.stop_instance(&names.instance).await,
        Step::Enable | Step::Disable => {
            let rule = named(&names.rule, "rule is named; set aws.rule")?;
            aws.switch_rule(rule, step == Step::Enable).await
        }
        Step::Invoke => {
            let function = named(&names.function, "function is named; set aws.function")?;
            let payload = json!({"command": "archive"});
            let begun = aws.invoke(function, Invocation::Begun, &payload);
            begun.await.map(drop)
        }
    }
}

fn named<'n>(name: &'n str, what: &'static str) -> Result<&'n str, AwsError> {
    match name {
        "" => Err(AwsError::NotConfigured { what }),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::DatabaseState;

    fn asked(database: SleepState, wish: Option<Step>) -> Control {
        let mut control = Control {
            state: DatabaseState {
                database,
                since: None,
            },
            ..Control::default()
        };
        wish.into_iter().for_each(|what| control.ask(what).unwrap());
        control
    }

    #[test]
    fn the_instance_follows_how_the_database_is_to_stand() {
        use InstanceState::{Available, Between, Stopped};
        for (database, instance, steps) in [
            (SleepState::Asleep, Available, vec![Step::Stop]),
            (SleepState::Asleep, Between, vec![]),
            (SleepState::Asleep, Stopped, vec![]),
            (SleepState::Waking, Available, vec![]),
            (SleepState::Waking, Between, vec![]),
            (SleepState::Waking, Stopped, vec![Step::Start]),
            (SleepState::Awake, Available, vec![]),
            // Somebody stopped it by hand.
            (SleepState::Awake, Stopped, vec![]),
        ] {
            let planned = plan(&asked(database, None), Some(instance));
            assert_eq!(planned.steps, steps, "{database:?} {instance:?}");
        }
    }

    #[test]
    fn a_wish_is_carried_out_once() {
        let mut control = asked(SleepState::Awake, Some(Step::Invoke));
        let first = plan(&control, None);
        assert_eq!((first.steps, first.fulfils), (vec![Step::Invoke], Some(1)));
        control.outcome = Some(Outcome {
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            error: None,
        });
        assert_eq!(plan(&control, None), Plan::default());
    }

    #[test]
    fn a_stop_waits_while_the_instance_is_busy() {
        let control = asked(SleepState::Asleep, Some(Step::Stop));
        let busy = plan(&control, Some(InstanceState::Between));
        assert_eq!(busy, Plan::default());
        let there = plan(&control, Some(InstanceState::Available));
        assert_eq!((there.steps, there.fulfils), (vec![Step::Stop], Some(1)));
    }

    #[test]
    fn a_wish_and_the_instance_are_seen_to_together() {
        let control = asked(SleepState::Asleep, Some(Step::Enable));
        let planned = plan(&control, Some(InstanceState::Available));
        assert_eq!(planned.steps, [Step::Stop, Step::Enable]);
    }
}
