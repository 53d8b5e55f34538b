//! Where everything lies in the store: the only place that makes and parses its keys.

use crate::ids::{Md5, Name, Part, Seq, SiteName};

/// A key of a site's own part of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteKey {
    /// Commit n, create-only.
    Commit(Seq),
    /// The catalog at n.
    Checkpoint(Seq),
    /// The hint that names the newest checkpoint.
    Latest,
    /// The canonical JSON of a dataset.
    Dataset(Md5),
    /// The rows of one partition.
    Object(Name, Part, Md5),
    /// The refused rows of one table.
    Quarantine(Name),
}

impl SiteKey {
    /// The key in the store.
    #[must_use]
    pub fn of(&self, site: &SiteName) -> String {
        match self {
            Self::Commit(seq) => format!("{}{:020}.json", log_prefix(site), seq.0),
            Self::Checkpoint(seq) => format!("{}{:020}.json.zst", checkpoint_prefix(site), seq.0),
            Self::Latest => format!("sites/{site}/latest.json"),
            Self::Dataset(md5) => format!("{}{md5}.json", dataset_prefix(site)),
            Self::Object(table, part, md5) => {
                format!("sites/{site}/data/{table}/{part}/{md5}.csv.zst")
            }
            Self::Quarantine(table) => format!("sites/{site}/quarantine/{table}.csv"),
        }
    }

    /// Reads a key back. `None` for keys that are not of this form.
    #[must_use]
    pub fn parse(key: &str) -> Option<(SiteName, Self)> {
        let (site, rest) = key.strip_prefix(SITES)?.split_once('/')?;
        let site = SiteName::new(site).ok()?;
        let segments: Vec<&str> = rest.split('/').collect();
        let parsed = match segments[..] {
            ["log", name] => Self::Commit(numbered(name, ".json")?),
            ["checkpoint", name] => Self::Checkpoint(numbered(name, ".json.zst")?),
            ["latest.json"] => Self::Latest,
            ["dataset", name] => Self::Dataset(Md5::new(name.strip_suffix(".json")?).ok()?),
            ["data", table, part, name] => Self::Object(
                Name::new(table).ok()?,
                Part::new(part).ok()?,
                Md5::new(name.strip_suffix(".csv.zst")?).ok()?,
            ),
            ["quarantine", name] => Self::Quarantine(Name::new(name.strip_suffix(".csv")?).ok()?),
            _ => return None,
        };
        Some((site, parsed))
    }
}

/// Under this lie all sites.
pub const SITES: &str = "sites/";

/// The store's hashed API tokens.
pub const TOKENS: &str = "hub/tokens.json";

/// The sessions of browsers, hashed as well.
pub const SESSIONS: &str = "hub/sessions.json";

/// Under this a hub tries the store.
pub const HUB_CHECK: &str = "hub/check/";

/// Under this a site's agent tries the store.
#[must_use]
pub fn check_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/check/")
}

/// Under this lie a site's commits, and nothing else.
#[must_use]
pub fn log_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/log/")
}

/// Under this lie a site's checkpoints.
#[must_use]
pub fn checkpoint_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/checkpoint/")
}

/// Under this lie a site's objects.
#[must_use]
pub fn data_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/data/")
}

/// Under this lie the datasets that a site's objects are written with.
#[must_use]
pub fn dataset_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/dataset/")
}

/// Under this lie a site's refused rows.
#[must_use]
pub fn quarantine_prefix(site: &SiteName) -> String {
    format!("{SITES}{site}/quarantine/")
}

/// The number in a name of exactly twenty digits.
fn numbered(name: &str, suffix: &str) -> Option<Seq> {
    let digits = name.strip_suffix(suffix)?;
    let well_formed = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| well_formed);
    number.and_then(|number: u64| Seq::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let site = SiteName::new("hcm-01").unwrap();
        let table = Name::new("appointment").unwrap();
        let md5 = Md5::of(b"");
        let part = Part::new("dt=2025-11-28").unwrap();
        for (key, text) in [
            (SiteKey::Commit(Seq(42)), "log/00000000000000000042.json"),
            (
                SiteKey::Checkpoint(Seq(64)),
                "checkpoint/00000000000000000064.json.zst",
            ),
            (SiteKey::Latest, "latest.json"),
            (
                SiteKey::Dataset(md5),
                "dataset/d41d8cd98f00b204e9800998ecf8427e.json",
            ),
            (
                SiteKey::Object(table.clone(), part, md5),
                "data/appointment/dt=2025-11-28/d41d8cd98f00b204e9800998ecf8427e.csv.zst",
            ),
            (
                SiteKey::Quarantine(table.clone()),
                "quarantine/appointment.csv",
            ),
        ] {
            assert_eq!(key.of(&site), format!("sites/hcm-01/{text}"));
            assert_eq!(SiteKey::parse(&key.of(&site)), Some((site.clone(), key)));
        }
        for strange in [
            "sites/hcm-01/log/1.json",
            "sites/hcm-01/log/18446744073709551615.json",
            "sites/hcm-01/checkpoint/09223372036854775808.json.zst",
        ] {
            assert_eq!(SiteKey::parse(strange), None);
        }
        assert_eq!(SiteKey::parse("archive/x"), None);
    }
}
