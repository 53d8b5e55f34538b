//! What the cloud did to one row, and what becomes of it when the site's row is another: the merge
//! table of the specification, in plain values.

use std::collections::BTreeMap;

use super::rows::{DAY, Placed, Row, Rule, Tab, Text};

/// Values by column.
pub(super) type Values = BTreeMap<usize, Text>;

/// What a side wanted and did not get.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Lost {
    #[default]
    Nothing,
    Values(Values),
    Deletion,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// The site's row, some units of it changed. `seen`: what the site had in them.
    Changed { at: Placed, seen: Values },
    /// A row that the site does not have.
    Born(Placed),
    /// The site's row, brought to another date as a whole.
    Moved { site: Placed, at: Placed },
    /// Deleted in the cloud; `site` is the row that was deleted there.
    Gone { site: Placed },
    /// Deleted on both sides.
    GoneTwice { on: String },
}

/// What the cloud did to one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit {
    pub(super) state: State,
    pub(super) site_lost: Lost,
    pub(super) cloud_lost: Lost,
}

pub(super) type Unit = &'static [usize];

pub(super) fn of(unit: Unit, row: &Row) -> Values {
    unit.iter().map(|at| (*at, row[*at].clone())).collect()
}

pub(super) fn same(unit: Unit, a: &Row, b: &Row) -> bool {
    unit.iter().all(|at| a[*at] == b[*at])
}

fn whole(row: &Row) -> Lost {
    Lost::Values(row.iter().cloned().enumerate().collect())
}

impl Lost {
    pub(super) fn forget(&mut self, is_forgotten: impl Fn(usize, &Text) -> bool) {
        if let Self::Values(values) = self {
            values.retain(|at, text| !is_forgotten(*at, text));
            if values.is_empty() {
                *self = Self::Nothing;
            }
        }
    }

    fn add(&mut self, more: Values) {
        match self {
            Self::Values(values) => values.extend(more),
            _ => *self = Self::Values(more),
        }
    }

    pub(super) fn is_whole(&self, tab: Tab) -> bool {
        match self {
            Self::Nothing => false,
            Self::Values(values) => values.len() == tab.columns().len(),
            Self::Deletion => true,
        }
    }

    fn is_values(&self) -> bool {
        matches!(self, Self::Values(_))
    }
}

impl Edit {
    pub(super) fn new(state: State) -> Self {
        Self {
            state,
            site_lost: Lost::Nothing,
            cloud_lost: Lost::Nothing,
        }
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.site_lost != Lost::Nothing || self.cloud_lost != Lost::Nothing
    }

    /// The date on which its conflict is listed.
    pub(super) fn listed_on(&self) -> &str {
        match &self.state {
            State::Changed { at, .. } | State::Born(at) | State::Moved { at, .. } => &at.on,
            State::Gone { site } => &site.on,
            State::GoneTwice { on } => on,
        }
    }

    /// The row as it is shown.
    pub(super) fn shown(&self) -> Option<&Placed> {
        match &self.state {
            State::Changed { at, .. } | State::Born(at) | State::Moved { at, .. } => Some(at),
            State::Gone { .. } | State::GoneTwice { .. } => None,
        }
    }

    pub(super) fn or_nothing(self) -> Option<Self> {
        let is_as_at_site = matches!(&self.state, State::Changed { seen, .. } if seen.is_empty());
        (!is_as_at_site || self.is_conflict()).then_some(self)
    }

    fn the_site_loses(&mut self, values: Values) {
        self.cloud_lost.forget(|at, _| values.contains_key(&at));
        self.site_lost.add(values);
    }

    fn the_cloud_loses(&mut self, values: Values) {
        self.site_lost.forget(|at, _| values.contains_key(&at));
        self.cloud_lost.add(values);
    }

    /// The site's row is this now, `None` where it has none. `parent`: where the row's parent lies.
    /// What comes out is at rest.
    pub(super) fn meet(
        self,
        (tab, rule): (Tab, Rule),
        site: Option<&Placed>,
        parent: Option<&str>,
    ) -> Option<Self> {
        let mut edit = self;
        loop {
            let before = edit.clone();
            edit = match site {
                Some(site) => edit.with_site(tab, rule, site),
                None => edit.without_site(rule)?,
            };
            edit.go_with_parent(tab, parent);
            edit = edit.or_nothing()?;
            if edit == before {
                return Some(edit);
            }
        }
    }

    fn without_site(mut self, rule: Rule) -> Option<Self> {
        match self.state.clone() {
            State::Changed { at, seen } if seen.is_empty() => {
                if !self.cloud_lost.is_values() {
                    return None;
                }
                self.site_lost = Lost::Nothing;
                self.state = State::GoneTwice { on: at.on };
            }
            State::Changed { at, .. } if rule == Rule::Cloud => {
                self.site_lost = Lost::Deletion;
                self.state = State::Born(at);
            }
            State::Changed { at, seen } => {
                // The row as the cloud wanted it: with what it lost before and did not change since.
                let mut wanted: Values = at.row.iter().cloned().enumerate().collect();
                if let Lost::Values(earlier) = &self.cloud_lost {
                    let earlier = earlier.iter().filter(|(at, _)| !seen.contains_key(at));
                    wanted.extend(earlier.map(|(at, text)| (*at, text.clone())));
                }
                self.site_lost = Lost::Nothing;
                self.cloud_lost = Lost::Values(wanted);
                self.state = State::GoneTwice { on: at.on };
            }
            State::Moved { at, .. } => {
                self.site_lost = Lost::Deletion;
                self.state = State::Born(at);
            }
            State::Gone {
                site: Placed { on, .. },
            }
            | State::GoneTwice { on } => {
                if !self.cloud_lost.is_values() {
                    self.site_lost = Lost::Nothing;
                    self.cloud_lost = Lost::Nothing;
                }
                self.state = State::GoneTwice { on };
            }
            State::Born(_) => {}
        }
        Some(self)
    }

    fn with_site(mut self, tab: Tab, rule: Rule, site: &Placed) -> Self {
        match self.state.clone() {
            State::Changed { at, seen } => self.merged(tab, rule, (at, seen), site),
            State::Born(at) if at.on == site.on => {
                self.site_lost = Lost::Nothing;
                let mut shown = site.clone();
                let mut seen = Values::new();
                for unit in tab.units() {
                    if same(unit, &at.row, &site.row) {
                        continue;
                    }
                    match rule {
                        Rule::Cloud => {
                            seen.extend(of(unit, &site.row));
                            self.the_site_loses(of(unit, &site.row));
                            for column in *unit {
                                shown.row[*column].clone_from(&at.row[*column]);
                            }
                        }
                        Rule::Site => self.the_cloud_loses(of(unit, &at.row)),
                    }
                }
                self.state = State::Changed { at: shown, seen };
                self
            }
            State::Born(at) => {
                self.site_lost = whole(&site.row);
                let site = site.clone();
                self.state = State::Moved { site, at };
                self
            }
            State::Moved { at, site: was } if at.on == site.on => {
                self.state = changed(tab, at, &was.row);
                self
            }
            State::Moved { at, site: was } => {
                if was.row != site.row {
                    self.site_lost = whole(&site.row);
                }
                let site = site.clone();
                self.state = State::Moved { site, at };
                self
            }
            State::Gone { site: was } if was.row == site.row => {
                self.state = State::Gone { site: site.clone() };
                self
            }
            State::GoneTwice { .. } if self.cloud_lost.is_values() => {
                self.state = as_at_site(site);
                self
            }
            State::Gone { .. } | State::GoneTwice { .. } => {
                match rule {
                    Rule::Cloud => {
                        self.site_lost = whole(&site.row);
                        self.state = State::Gone { site: site.clone() };
                    }
                    Rule::Site => {
                        self.site_lost = Lost::Nothing;
                        self.cloud_lost = Lost::Deletion;
                        self.state = as_at_site(site);
                    }
                }
                self
            }
        }
    }

    /// Unit by unit, what of the cloud's changes stands on the site's row.
    fn merged(
        mut self,
        tab: Tab,
        rule: Rule,
        (at, mut seen): (Placed, Values),
        site: &Placed,
    ) -> Self {
        if self.site_lost.is_whole(tab) {
            self.site_lost
                .forget(|column, text| at.row[column] == *text);
        }
        let mut shown = site.clone();
        let mut stands = Values::new();
        for unit in tab.units() {
            if !unit.iter().any(|column| seen.contains_key(column)) {
                continue;
            }
            let is_moved_there = at.on != site.on && tab == Tab::Visit && unit.contains(&DAY);
            let ours = of(unit, &at.row);
            if is_moved_there {
                // The site brought the row to another date: what goes with the date is the site's.
                if !same(unit, &at.row, &site.row) {
                    self.the_cloud_loses(ours);
                }
                seen.retain(|column, _| !unit.contains(column));
                continue;
            }
            if same(unit, &at.row, &site.row) {
                self.site_lost.forget(|column, _| unit.contains(&column));
                let agreed = matches!(&self.cloud_lost, Lost::Values(lost)
                    if unit.iter().any(|column| lost.contains_key(column))
                        && unit.iter().all(|column| lost.get(column) == Some(&at.row[*column])));
                if agreed {
                    self.cloud_lost.forget(|column, _| unit.contains(&column));
                }
                continue;
            }
            let is_as_seen = unit
                .iter()
                .all(|column| seen.get(column) == Some(&site.row[*column]));
            if !is_as_seen {
                if rule == Rule::Site {
                    self.the_cloud_loses(ours);
                    continue;
                }
                self.the_site_loses(of(unit, &site.row));
            }
            stands.extend(of(unit, &site.row));
            for column in *unit {
                shown.row[*column].clone_from(&at.row[*column]);
            }
        }
        self.state = State::Changed {
            at: shown,
            seen: stands,
        };
        self
    }

    fn go_with_parent(&mut self, tab: Tab, parent: Option<&str>) {
        let Some(parent) = parent else { return };
        match &mut self.state {
            State::Born(at) => parent.clone_into(&mut at.on),
            State::Moved { site, at } => {
                parent.clone_into(&mut at.on);
                if site.on == at.on {
                    self.state = changed(tab, at.clone(), &site.row.clone());
                }
            }
            _ => {}
        }
    }
}

fn as_at_site(site: &Placed) -> State {
    State::Changed {
        at: site.clone(),
        seen: Values::new(),
    }
}

/// The site's row with the cloud's values, where the site has it.
pub(super) fn changed(tab: Tab, at: Placed, site: &Row) -> State {
    let differing = tab.units().iter().filter(|unit| !same(unit, &at.row, site));
    let seen = differing.flat_map(|unit| of(unit, site)).collect();
    State::Changed { at, seen }
}
