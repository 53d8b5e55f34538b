//! What the programs make of damage, in words.

use std::fmt::Write as _;

use causeway_tests::Finished;
use rusqlite::Connection;

use super::ground::Ground;
use super::kinds::{DAMAGES, Damage, Thing};

impl Ground {
    /// What the programs make of each kind of damage to a thing; of kinds that come to the same,
    /// once.
    pub(super) fn outcomes(&self, thing: Thing) -> String {
        let mut told: Vec<(String, String)> = Vec::new();
        for damage in DAMAGES {
            let outcome = self.outcome(thing, damage);
            match told.iter_mut().find(|(_, known)| *known == outcome) {
                Some((kinds, _)) => write!(kinds, ", {damage:?}").unwrap(),
                None => told.push((format!("{damage:?}"), outcome)),
            }
        }
        let told = told
            .iter()
            .map(|(kinds, outcome)| format!("{kinds}\n{outcome}"));
        told.collect()
    }

    /// A text without what is another in each run.
    fn masked(&self, text: &str) -> String {
        let mut text = text.replace(&self.path("").display().to_string(), "");
        for (seq, object) in (1..).zip(&self.objects) {
            let name = object.file_name().unwrap().to_str().unwrap();
            let md5 = name.trim_end_matches(".csv.zst");
            text = text.replace(md5, &format!("<{seq}>"));
        }
        text = text
            .replace("sites/hcm-01/", "…/")
            .replace("00000000000000000", "…");
        // The length of a commit's time is not always the same.
        if let Some((before, column)) = text.split_once("column ") {
            let rest = column.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}column n{rest}");
        }
        let words = text.split_inclusive([' ', '.', '/', ',']).map(|word| {
            let is_md5 = word.len() > 31 && word.as_bytes()[..32].iter().all(u8::is_ascii_hexdigit);
            if is_md5 {
                format!("<md5>{}", &word[32..])
            } else {
                word.to_owned()
            }
        });
        words.collect()
    }

    /// What the programs make of it, a line each.
    fn outcome(&self, thing: Thing, damage: Damage) -> String {
        self.restore();
        self.inflict(thing, damage);
        let mut told = String::new();
        let answers = ["loaded", "new"].map(|hub| self.masked(&load(&self.hub(hub, "load"))));
        match answers {
            [loaded, new] if loaded == new => writeln!(told, "  both hubs: {new}").unwrap(),
            [loaded, new] => {
                writeln!(told, "  loaded hub: {loaded}\n  new hub: {new}").unwrap();
            }
        }

        self.restore();
        self.inflict(thing, damage);
        self.edit_source("memo", "version 4");
        let answer = self.masked(&sync(&self.agent(&["sync"])));
        writeln!(told, "  sync: {answer}").unwrap();
        let verified = self.masked(&verify(&self.agent(&["verify"])));
        writeln!(told, "  verify: {verified}").unwrap();
        let repaired = self.masked(&verify(&self.agent(&["verify", "--repair"])));
        if repaired == format!("{verified} (mended)") {
            writeln!(told, "  repair: mended").unwrap();
        } else if repaired != verified {
            writeln!(told, "  repair: {repaired}").unwrap();
        }
        let synced = sync(&self.agent(&["sync"]));
        let loaded = ["loaded", "new"].map(|hub| load(&self.hub(hub, "load")));
        let after = verify(&self.agent(&["verify"]));
        let is_whole = ["loaded", "new"]
            .iter()
            .all(|hub| self.holds_the_sources_rows(hub));
        if !(is_whole && after == "whole") {
            let after = self.masked(&format!("{synced}; {loaded:?}; {after}"));
            writeln!(told, "  afterwards: {after}").unwrap();
        }
        told
    }

    fn holds_the_sources_rows(&self, hub: &str) -> bool {
        let db = Connection::open(self.path(&format!("work/{hub}/hcm-01.db"))).unwrap();
        let sql =
            "SELECT note.body || ', ' || memo.body FROM note, memo WHERE note.id + memo.id = 2";
        let bodies = db.query_row(sql, [], |row| row.get::<_, String>(0));
        bodies.is_ok_and(|bodies| bodies == "version 3, version 4")
    }
}

fn load(finished: &Finished) -> String {
    let report = finished.json();
    let site = &report["sites"][0];
    match site["error"].as_str() {
        Some(error) => {
            let code = finished.code.unwrap();
            format!("exit {code}, stays at {}: {error}", site["commit"])
        }
        None => format!("at {}", site["commit"]),
    }
}

fn sync(finished: &Finished) -> String {
    match finished.code {
        Some(0) => format!("commit {}", finished.json()["commit"]),
        _ => failed(finished),
    }
}

fn verify(finished: &Finished) -> String {
    let report = finished.json();
    let Some(differences) = report["differences"].as_array() else {
        return failed(finished);
    };
    let difference = |of: &serde_json::Value| {
        let table = of["table"].as_str().map(|table| format!("{table}: "));
        let mended = if of["repaired"] == true {
            " (mended)"
        } else {
            ""
        };
        let what = of["what"].as_str().unwrap();
        format!("{}{what}{mended}", table.unwrap_or_default())
    };
    match differences
        .iter()
        .map(difference)
        .collect::<Vec<_>>()
        .join("; ")
    {
        none if none.is_empty() => "whole".to_owned(),
        some => some,
    }
}

/// What a program says that gives no answer.
fn failed(finished: &Finished) -> String {
    format!(
        "exit {}: {}",
        finished.code.unwrap(),
        finished.json()["error"]
    )
}
