//! Whatever a site does to its data: after `sync` and `load` the database equals it.

use std::fmt::Write as _;

use causeway_tests::deployment::{Deployment, PAIRS};
use causeway_tests::meetassist::MeetAssist;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::ground::{assert_equal, deploy};

/// One thing that a site's application, or a person with a text editor, does.
#[derive(Debug, Clone)]
enum Step {
    Book {
        id: i64,
        consultant: i64,
        day: i64,
        hour: i64,
    },
    SetStatus {
        id: i64,
        status: &'static str,
    },
    Move {
        id: i64,
        day: i64,
    },
    Cancel {
        id: i64,
    },
    Forget {
        id: i64,
    },
    EmptyDay {
        day: i64,
    },
    SwapSlots {
        id: i64,
    },
    RenameCustomer {
        id: i64,
        name: String,
    },
    RewriteFeedback {
        every: i64,
    },
    RewriteParticipants {
        programs: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 140..184_i64;
    let day = || -2..=2_i64;
    let status = prop::sample::select(vec!["pending", "confirmed", "completed", "cancelled"]);
    prop_oneof![
        (200..260_i64, 1..4_i64, day(), 9..13_i64).prop_map(|(id, consultant, day, hour)| {
            Step::Book {
                id,
                consultant,
                day,
                hour,
            }
        }),
        (id(), status).prop_map(|(id, status)| Step::SetStatus { id, status }),
        (id(), day()).prop_map(|(id, day)| Step::Move { id, day }),
        id().prop_map(|id| Step::Cancel { id }),
        id().prop_map(|id| Step::Forget { id }),
        day().prop_map(|day| Step::EmptyDay { day }),
        id().prop_map(|id| Step::SwapSlots { id }),
        (1..30_i64, "[a-zĂ-ỹ,\"\\\\. ]{1,12}")
            .prop_map(|(id, name)| Step::RenameCustomer { id, name }),
        (2..5_i64).prop_map(|every| Step::RewriteFeedback { every }),
        (1..4_i64).prop_map(|programs| Step::RewriteParticipants { programs }),
    ]
}

impl Step {
    fn take(&self, site: &MeetAssist) {
        match self {
            Self::Book {
                id,
                consultant,
                day,
                hour,
            } => site.execute(&format!(
                "INSERT OR REPLACE INTO Appointments VALUES ({id}, {consultant}, 'fb-2', '{}',
                 '{hour:02}:00:00', NULL, NULL, 'pending', 'booked', NULL, NULL)",
                site.date(*day)
            )),
            Self::SetStatus { id, status } => site.execute(&format!(
                "UPDATE Appointments SET Status = '{status}' WHERE AppointmentId = {id}"
            )),
            Self::Move { id, day } => site.execute(&format!(
                "UPDATE Appointments SET Date = '{}' WHERE AppointmentId = {id}",
                site.date(*day)
            )),
            Self::Cancel { id } => site.execute(&format!(
                "UPDATE Appointments SET Status = 'cancelled', UpdatedAt = '2025-06-07T08:09:10'
                 WHERE AppointmentId = {id}"
            )),
            Self::Forget { id } => {
                site.execute(&format!(
                    "DELETE FROM Appointments WHERE AppointmentId = {id}"
                ));
            }
            Self::EmptyDay { day } => site.execute(&format!(
                "DELETE FROM Appointments WHERE Date = '{}'",
                site.date(*day)
            )),
            Self::SwapSlots { id } => site.execute(&format!(
                "UPDATE Slots SET ScheduleId = -1 WHERE ScheduleId = {id};
                 UPDATE Slots SET ScheduleId = {id} WHERE ScheduleId = {0};
                 UPDATE Slots SET ScheduleId = {0} WHERE ScheduleId = -1;",
                id - 1
            )),
            Self::RenameCustomer { id, name } => {
                site.open()
                    .execute(
                        "UPDATE Customers SET FullName = ?2 WHERE CustomerId = ?1",
                        (format!("fb-{id}"), name),
                    )
                    .unwrap();
            }
            Self::RewriteFeedback { every } => {
                let mut text = String::from("appointmentid,rating\n");
                for id in (1..184).filter(|id| id % every == 0) {
                    let _ = writeln!(text, "{id},{}", id % 5);
                }
                text = text.replace("rating\n", "rating,customerfeedback,createdat\n");
                let lines = text.lines().enumerate().map(|(at, line)| match at {
                    0 => format!("{line}\n"),
                    _ => format!("{line},well,2025-01-01T00:00:00\n"),
                });
                site.put_csv("AppointmentFeedback", &lines.collect::<String>());
            }
            Self::RewriteParticipants { programs } => {
                let mut text = String::from("programid,customerid,registeredtime,status\n");
                for n in 1..=30 {
                    let _ = writeln!(
                        text,
                        "{},fb-{n},2025-03-04 05:06:07,attended",
                        1 + n % programs
                    );
                }
                site.put_csv("programparticipant", &text);
            }
        }
    }
}

/// Rows may be refused and tables held back for a person to agree to; nothing else may go wrong.
async fn carry(deployment: &Deployment, site: &MeetAssist) {
    let synced = deployment.agent(&["sync", "--allow-shrink"]);
    assert!(matches!(synced.code, Some(0 | 3)), "{synced}");
    deployment.load();
    assert_equal(deployment, site).await;
}

#[test]
fn the_database_equals_the_site_after_any_steps() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for pair in PAIRS {
        let config = Config {
            cases: 6,
            max_shrink_iters: 20,
            ..Config::default()
        };
        let steps = prop::collection::vec(prop::collection::vec(step(), 1..5), 1..4);
        let result = TestRunner::new(config).run(&steps, |rounds| {
            runtime.block_on(async {
                let (deployment, site) = deploy(pair).await;
                deployment.migrate_and_load();
                for round in rounds {
                    round.iter().for_each(|step| step.take(&site));
                    carry(&deployment, &site).await;
                }
            });
            Ok(())
        });
        result.unwrap_or_else(|failure| panic!("{pair:?}: {failure}"));
    }
}
