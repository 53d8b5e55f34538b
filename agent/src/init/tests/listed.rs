//! What `init` writes into files and what it says at the end are the same questions.

use super::*;

#[test]
fn every_question_of_the_files_is_listed() {
    let wide: Vec<String> = (0..400).map(|at| format!("c{at}")).collect();
    let row = vec!["x".repeat(100); 399].join(",");
    let site = Site::new()
        .with_file("people.csv", "id,id,name\n1,7,An\n2,8,Binh\n")
        .with_file(
            "wide.csv",
            format!("{}\n1,{row}\n2,{row}\n", wide.join(",")),
        )
        .with_file(
            "days.csv",
            "id,day,n\n1,03/04/2025,007\n2,04/05/2025,008\n3,,\n,,\n",
        )
        .with_file("two.csv", "a,b;c,d\n1,2;3,4\n5,6;7,8\n")
        .with_file(
            "title.csv",
            "Account,NL91\n\nid,name,x\n1,a,b\n2,c,d\n3,e,f\n",
        )
        .with_file("cities.csv", b"id,name\n1,M\xfcnchen\n2,K\xf6ln\n")
        .with_sqlite(
            "x.db",
            "CREATE TABLE log (a BLOB, b TEXT); INSERT INTO log VALUES (x'00', 'a'), (NULL, 'a')",
        );
    let proposal = site.propose();
    let unwrapped = |text: &str| {
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect();
        lines.join(" ")
    };
    let files = unwrapped(&proposal.agent_toml)
        + " "
        + &unwrapped(proposal.dataset_toml.as_deref().unwrap());
    let listed = proposal.notes.join("\n");
    let mut unlisted = Vec::new();
    for at in files.match_indices("PLEASE").map(|(at, _)| at) {
        // Enough to know a question by.
        let question: String = files[at..].chars().take(60).collect();
        if !listed.contains(&question) {
            unlisted.push(question);
        }
    }
    insta::assert_snapshot!(unlisted.join("\n"), @r#"
    PLEASE DECIDE: the name of this installation, for good datas
    PLEASE CHECK: of timestamps, and of the dates that they are 
    PLEASE DECIDE: make this folder, to try it out; for good s3:
    "#);
}
