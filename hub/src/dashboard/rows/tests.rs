//! Lists, rows and forms as visitors see them.

mod slots;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use super::*;
use crate::auth::Token;
use crate::serve::testbed::{Answer, Testbed};

async fn visit(bed: &Testbed, token: &Token, path: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(token).await);
    bed.visit(path, &cookie).await
}

/// Sends a form as a browser does.
async fn send(bed: &Testbed, token: &Token, path: &str, fields: &str) -> Answer {
    let cookie = format!("{}; causeway_lang=en", bed.cookie_of(token).await);
    let request = Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    bed.send(request.body(Body::from(fields.to_owned())).unwrap())
        .await
}

/// The page behind an answer that sends the browser on.
async fn follow(bed: &Testbed, answer: &Answer) -> Answer {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let to = answer.header(header::LOCATION);
    visit(bed, &bed.admin, to.split('#').next().unwrap()).await
}

#[tokio::test]
async fn rows_are_listed_searched_and_downloaded() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    for shown in &SHOWN {
        let html = visit(&bed, &bed.admin, shown.path).await.body;
        assert!(html.contains("<b data-figure=\"total\">2</b>"), "{html}");
        assert!(
            html.contains(&format!("href=\"{}\"", shown.new_path)),
            "{html}"
        );
        for path in [shown.path.to_owned(), format!("{}.csv", shown.path)] {
            for wrong in ["site=%20", "isdisabled=2", "site=hcm-09"] {
                let answer = visit(&bed, &bed.viewer, &format!("{path}?{wrong}")).await;
                assert!(answer.status.is_client_error(), "{path} {wrong}");
                assert!(answer.body.contains("That did not work"), "{path} {wrong}");
            }
            let answer = bed.visit(&path, "").await;
            assert_eq!(answer.header(header::LOCATION), "/login");
        }
        let file = visit(&bed, &bed.viewer, &format!("{}.csv", shown.path)).await;
        assert_eq!(file.body.lines().count(), 3, "{}", file.body);
        let html = visit(&bed, &bed.viewer, shown.path).await.body;
        assert!(!html.contains(shown.new_path), "{html}");
        let new = visit(&bed, &bed.viewer, shown.new_path).await;
        assert_eq!(new.status, StatusCode::FORBIDDEN);
    }
    let html = visit(&bed, &bed.viewer, "/customers?q=NGUYEN").await.body;
    let link = "<th scope=\"row\"><a href=\"/customers/c1?site=hcm-01\">Nguyễn An</a></th>";
    assert!(
        html.contains(link) && html.contains("<b data-figure=\"total\">1</b>"),
        "{html}"
    );
    let html = visit(&bed, &bed.viewer, "/customers?q=binh&lang=vi")
        .await
        .body;
    assert!(
        html.contains("&#60;b&#62;Bình&#60;/b&#62;") && !html.contains("<b>Bình"),
        "{html}"
    );
    assert!(html.contains("href=\"?q=binh&#38;lang=en\""), "{html}");
}

#[tokio::test]
async fn a_row_is_made_and_changed_by_forms() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let form = "site=hcm-01&fullname=%3Ci%3EHoa%3C/i%3E&email=hoa@example.vn&phonenumber=&dateofbirth=1999-09-09&notes=a%0D%0Ab";
    let created = send(&bed, &bed.admin, "/new/customers", form).await;
    let page = follow(&bed, &created).await.body;
    assert!(
        page.contains("role=\"status\"><p>It is saved as a new one.</p>"),
        "{page}"
    );
    assert!(
        page.contains("<h1>&#60;i&#62;Hoa&#60;/i&#62;</h1>") && !page.contains("<i>Hoa"),
        "{page}"
    );
    assert!(
        page.contains("value=\"1999-09-09\"")
            && page.contains("rows=\"3\" maxlength=\"20000\">a\nb</textarea>"),
        "{page}"
    );
    let path = created
        .header(header::LOCATION)
        .split_once("&done")
        .unwrap()
        .0
        .to_owned();
    let changed = send(
        &bed,
        &bed.admin,
        &path,
        "site=hcm-01&fullname=Hoa&email=hoa@example.vn&dateofbirth=&notes=",
    )
    .await;
    let page = follow(&bed, &changed).await.body;
    assert!(
        page.contains("<h1>Hoa</h1>") && !page.contains("value=\"1999-09-09\""),
        "{page}"
    );
    for (isdisabled, button) in [("true", "Enable again"), ("false", "Disable")] {
        let fields = format!("site=hcm-01&isdisabled={isdisabled}");
        let page = follow(&bed, &send(&bed, &bed.admin, &path, &fields).await)
            .await
            .body;
        assert!(
            page.contains(&format!("class=\"quiet\">{button}</button>")),
            "{page}"
        );
    }
    for (path, fields, status, expected) in [
        (
            path.as_str(),
            "site=hcm-01&fullname=",
            422,
            "Not saved – Name: is needed",
        ),
        (
            &path,
            "site=hcm-01&dateofbirth=9.9.1999",
            422,
            "Not saved – Date of birth: must be a date",
        ),
        (
            "/new/customers",
            "site=hcm-01&fullname=Ly&email=",
            422,
            "Not saved – E-mail: is needed",
        ),
        (
            "/new/customers",
            "site=hcm-01&fullname=Ly&email=l&x=1",
            422,
            "Not saved – x: is not taken",
        ),
        (
            "/new/customers",
            "site=hcm-01&customerid=c1&fullname=Ly&email=l",
            409,
            "Not saved: another customer has this key",
        ),
        (
            "/customers/nobody",
            "site=hcm-01&fullname=Ly",
            404,
            "there is no customer",
        ),
        (&path, "site=%20", 400, "That did not work"),
    ] {
        let answer = send(&bed, &bed.admin, path, fields).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {fields}");
        assert!(
            answer.body.contains(expected),
            "{expected}: {}",
            answer.body
        );
        if path == "/new/customers" {
            assert!(answer.body.contains("value=\"Ly\""), "{}", answer.body);
        }
    }
    for token in [&bed.viewer, &bed.agent] {
        for path in [path.as_str(), "/new/customers"] {
            let answer = send(&bed, token, path, form).await;
            assert!(matches!(
                answer.status,
                StatusCode::FORBIDDEN | StatusCode::SEE_OTHER
            ));
        }
    }
}

#[tokio::test]
async fn a_customers_page_shows_its_appointments() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let page = visit(&bed, &bed.viewer, "/customers/c1?site=hcm-01")
        .await
        .body;
    let rows = page.matches("<a href=\"/appointments?date=2025-11-28&#38;site=hcm-01#a-");
    assert_eq!(rows.count(), 3, "{page}");
    assert!(
        !page.contains("<form class=\"fields\"") && page.contains("an@example.vn"),
        "{page}"
    );
    let none = visit(&bed, &bed.viewer, "/customers/nobody").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_form_does_not_write_over_what_another_has_saved() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let path = "/customers/c1?site=hcm-01";
    let tag = |html: &str| {
        let (_, rest) = html.split_once("name=\"tag\" value=\"").unwrap();
        rest[..32].to_owned()
    };
    let early = tag(&visit(&bed, &bed.admin, path).await.body);
    let form = |tag: &str, name: &str| {
        format!("site=hcm-01&tag={tag}&fullname={name}&email=a&phonenumber=&dateofbirth=&notes=")
    };
    let saved = send(&bed, &bed.admin, path, &form(&early, "Ly")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let late = send(&bed, &bed.admin, path, &form(&early, "Mai")).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED);
    assert!(
        late.body.contains("Somebody else has just saved this.") && late.body.contains("Mai"),
        "{}",
        late.body
    );
    let again = form(&tag(&late.body), "Mai");
    let saved = send(&bed, &bed.admin, path, &again).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = visit(&bed, &bed.admin, path).await.body;
    assert!(
        page.contains("<h1>Mai") || page.contains("value=\"Mai\""),
        "{page}"
    );
}

#[tokio::test]
async fn consultants_are_listed_with_their_figures() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let html = visit(&bed, &bed.viewer, "/consultants").await.body;
    // Pending, confirmed, completed, cancelled, rating, slots.
    let figures = ["1", "1", "0", "1", "–", "2 / 5"].map(|text| format!("<td>{text}</td>"));
    assert!(html.contains(&figures.concat()), "{html}");
    assert!(
        html.contains("Figures of: 1 Nov 2025 – 30 Nov 2025"),
        "{html}"
    );
    let later = "/consultants?q=dung&from=2025-12-01&to=2025-12-31";
    let html = visit(&bed, &bed.viewer, later).await.body;
    assert!(html.contains("<td>0 / 2</td>"), "{html}");
    for wrong in [
        "from=2000-01-01&to=2025-12-31",
        "from=1.1.2025",
        "from=2025-12-01&to=2025-11-01",
    ] {
        let answer = visit(&bed, &bed.viewer, &format!("/consultants?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn a_row_is_shown_while_the_store_that_has_more_of_it_is_away() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let cookie = format!("{}; causeway_lang=en", bed.cookie().await);
    // A week that is not loaded.
    let consultant = "/consultants/1?site=hcm-01&week=2025-12-20";
    let paths = [consultant, "/customers/c1?site=hcm-01"];
    let bed = bed.without_its_store().await;
    for (path, name) in paths.iter().zip(["Lê Dung", "Nguyễn An"]) {
        let page = bed.visit(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        for shown in [name, "This part cannot be read now"] {
            assert!(page.body.contains(shown), "{path} {shown}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn a_programs_page_shows_its_participants() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let path = "/programs/1?site=hcm-01";
    let html = visit(&bed, &bed.admin, path).await.body;
    assert!(
        html.contains("Registered <b>1</b></a>") && html.contains("Attended <b>0</b></a>"),
        "{html}"
    );
    assert!(
        html.contains("<a href=\"/customers/c1?site=hcm-01\">Nguyễn An</a>"),
        "{html}"
    );
    assert!(
        html.contains("<option value=\"upcoming\" selected>Upcoming</option>"),
        "{html}"
    );
    let cancelled = visit(&bed, &bed.viewer, &format!("{path}&status=cancelled")).await;
    assert!(
        !cancelled.body.contains("Nguyễn An") && cancelled.body.contains("Bình"),
        "{}",
        cancelled.body
    );
    let file = "/programs/1/participants.csv?site=hcm-01&status=registered";
    let file = visit(&bed, &bed.viewer, file).await;
    assert_eq!(file.body.lines().count(), 2, "{}", file.body);
    let form = "site=hcm-01&programname=T%E1%BA%BFt&date=2026-02-17&status=ongoing&organizer=&url=&description=&content=";
    let created = send(&bed, &bed.admin, "/new/programs", form).await;
    let page = follow(&bed, &created).await.body;
    assert!(
        page.contains("<h1>Tết</h1>")
            && page.contains("<option value=\"ongoing\" selected>Ongoing</option>"),
        "{page}"
    );
    let none = visit(&bed, &bed.viewer, &format!("{path}&status=open")).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_form_that_is_sent_back_as_it_came_changes_nothing() {
    let bed = Testbed::with_a_day(&["hcm-01"]).await;
    let odd = r#"{"fullname": "An\nB", "notes": ""}"#;
    let path = "/api/v1/customers/c1";
    let changed = bed.call(Method::PATCH, &bed.admin, path, odd).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let changes = async || {
        let path = "/api/v1/sync/edits?table=customer&key=c1";
        let listed: serde_json::Value = serde_json::from_str(&bed.get(path).await.body).unwrap();
        listed["total"].clone()
    };
    let before = changes().await;
    let form =
        "site=hcm-01&fullname=An%0D%0AB&email=an@example.vn&phonenumber=&dateofbirth=&notes=";
    let saved = send(&bed, &bed.admin, "/customers/c1?site=hcm-01", form).await;
    let page = follow(&bed, &saved).await.body;
    assert!(page.contains(">An\nB</textarea>"), "{page}");
    assert_eq!((before, changes().await), (1.into(), 1.into()));
}
