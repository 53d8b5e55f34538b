//! A consultant's slots, as visitors see and change them.

use super::*;
use crate::serve::testbed::json_of;

#[tokio::test]
async fn of_a_week_that_cannot_be_read_at_a_time_some_days_are_shown() {
    let bed = Testbed::with_a_day_and(&["hcm-01"], |config| config.window.on_demand_days = 3).await;
    let path = "/consultants/1?site=hcm-01&week=2025-11-27";
    let html = visit(&bed, &bed.viewer, path).await.body;
    let shown = |day: &str| html.contains(&format!("/appointments?date=2025-11-{day}&amp;site"));
    let days = ["26", "27", "28", "29", "30"];
    assert_eq!(days.map(shown), [false, true, true, true, false], "{html}");
    for turned in ["week=2025-11-24#slots", "week=2025-11-30#slots"] {
        assert!(html.contains(turned), "{turned}: {html}");
    }
    let slots = json_of(&bed.get("/api/v1/consultants/1/slots").await);
    assert_eq!(slots["total"], 5, "from today on as many days: {slots}");
}

#[tokio::test]
async fn slots_are_opened_closed_and_made_by_forms() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let path = "/consultants/1?site=hcm-01&week=2025-11-30";
    let html = visit(&bed, &bed.admin, path).await.body;
    for shown in [
        "<time>09:00–10:00</time>",
        "#a-1\">Nguyễn An</a>",
        "name=\"close\" value=\"2\"",
        "name=\"open\" value=\"5\"",
        "&#60;b&#62;Bình&#60;/b&#62;",
        "week=2025-11-17#slots",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    let viewers = visit(&bed, &bed.viewer, path).await.body;
    assert!(
        viewers.contains("09:00–10:00") && !viewers.contains("name=\"close\""),
        "{viewers}"
    );
    let made = "from=2026-01-02&to=2026-01-05&start=08:00&end=10:30&minutes=60&weekends=false";
    for (form, expected) in [
        ("close=2", "The slot is closed."),
        ("open=2", "The slot is open."),
        (made, "4 slots were made; 0 were there already"),
        (made, "0 slots were made; 4 were there already"),
    ] {
        let action = match form == made {
            true => "/consultants/1/slots/generate",
            false => "/consultants/1/slots",
        };
        let week = if form == made { "" } else { "&week=2025-11-24" };
        let form = format!("site=hcm-01{week}&{form}");
        let page = follow(&bed, &send(&bed, &bed.admin, action, &form).await).await;
        assert!(page.body.contains(expected), "{form}: {}", page.body);
        let shown = if week.is_empty() {
            "1 Jan 2026"
        } else {
            "28 Nov 2025"
        };
        assert!(page.body.contains(shown), "{form}: {}", page.body);
        let refused = send(&bed, &bed.viewer, action, &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    for (action, form, status, expected) in [
        (
            "",
            "open=1",
            409,
            "The consultant has another appointment at this time.",
        ),
        ("", "open=99", 404, "there is no slot 99"),
        ("", "", 400, "That did not work"),
        (
            "/generate",
            "from=2026-01-02&to=2026-01-05&start=08:00&end=10:30&minutes=x&weekends=false",
            422,
            "Minutes of a slot: must be a whole number",
        ),
        ("/generate", "from=2026-01-02", 422, "To: is needed"),
    ] {
        let action = format!("/consultants/1/slots{action}");
        let answer = send(&bed, &bed.admin, &action, &format!("site=hcm-01&{form}")).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{action} {form}: {}",
            answer.body
        );
        assert!(
            answer.body.contains(expected),
            "{expected}: {}",
            answer.body
        );
    }
    let disabled = "/consultants/2/slots/generate";
    let answer = send(&bed, &bed.admin, disabled, &format!("site=hcm-01&{made}")).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(
        answer
            .body
            .contains("This consultant takes no new appointments.")
    );
    assert!(answer.body.contains("<details open>"), "{}", answer.body);
}
