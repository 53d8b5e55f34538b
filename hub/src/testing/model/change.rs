//! What a change that somebody writes makes of what the cloud did to the row before.

use super::cloud::{Edit, Lost, State, Values, changed, of, same};
use super::rows::{DAY, Placed, Row, Tab};

/// A change as its writer saw it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) old: Option<Placed>,
    pub(super) new: Option<Placed>,
    /// The site's row under `old`, where the writer's database knew it.
    pub(super) base: Option<Row>,
    /// Whether the site has the row now.
    pub(super) is_at_site: bool,
    /// What the sides of a conflict had lost when one of them was taken.
    pub(super) closes: Option<(Lost, Lost)>,
}

/// Somebody took a side of what had lost then; what was lost since stays.
fn close(tab: Tab, lost: &mut Lost, then: &Lost) {
    if lost == then {
        *lost = Lost::Nothing;
    } else if let Lost::Values(then) = then
        && !lost.is_whole(tab)
    {
        lost.forget(|at, text| then.get(&at) == Some(text));
    }
}

/// Whether a writer that only takes a child along finds the row there.
fn is_there(edit: Option<&Edit>, written: &Written) -> bool {
    match edit {
        Some(edit) => edit.shown().is_some(),
        None => written.is_at_site,
    }
}

/// A change is made to a row, whatever was done to it before. `None`: it is as if the cloud had never
/// touched it.
pub(super) fn written(tab: Tab, edit: Option<Edit>, written: &Written) -> Option<Edit> {
    let (old, new) = (written.old.as_ref(), written.new.as_ref());
    if let (Some(old), Some(new)) = (old, new)
        && tab == Tab::Report
        && old.row == new.row
        && !is_there(edit.as_ref(), written)
    {
        return edit;
    }
    let mut edit = match (edit, old, new) {
        (None, Some(old), Some(new)) => Edit::new(first_change(tab, written, old, new)),
        (None, None, Some(new)) => Edit::new(State::Born(new.clone())),
        (None, Some(old), None) => Edit::new(State::Gone {
            site: placed_site(written, old),
        }),
        (Some(edit), Some(old), Some(new)) => updated(tab, edit, written, old, new),
        (Some(edit), None, Some(new)) => inserted(tab, edit, written, new),
        (Some(edit), Some(old), None) => deleted(edit, written, old)?,
        (edit, None, None) => edit?,
    };
    if let Some((site, cloud)) = &written.closes {
        close(tab, &mut edit.site_lost, site);
        close(tab, &mut edit.cloud_lost, cloud);
    }
    if let State::Changed { at, seen } = &mut edit.state {
        // What came back to the site's value is no change.
        for unit in tab.units() {
            if unit
                .iter()
                .all(|column| seen.get(column).unwrap_or(&at.row[*column]) == &at.row[*column])
            {
                seen.retain(|column, _| !unit.contains(column));
            }
        }
    }
    edit.or_nothing()
}

fn placed_site(written: &Written, old: &Placed) -> Placed {
    Placed {
        on: old.on.clone(),
        row: written.base.clone().unwrap_or_else(|| old.row.clone()),
    }
}

fn first_change(tab: Tab, written: &Written, old: &Placed, new: &Placed) -> State {
    let site = placed_site(written, old);
    if old.on != new.on {
        return State::Moved {
            site,
            at: new.clone(),
        };
    }
    let units = tab
        .units()
        .iter()
        .filter(|unit| !same(unit, &old.row, &new.row));
    State::Changed {
        at: new.clone(),
        seen: units.flat_map(|unit| of(unit, &site.row)).collect(),
    }
}

/// The row with what the writer changed in it.
fn applied(tab: Tab, at: &Placed, old: &Placed, new: &Placed) -> Placed {
    let mut row = at.row.clone();
    for unit in tab
        .units()
        .iter()
        .filter(|unit| !same(unit, &old.row, &new.row))
    {
        for column in *unit {
            row[*column].clone_from(&new.row[*column]);
        }
    }
    let on = match tab {
        Tab::Visit => row[DAY].clone().unwrap_or_default(),
        Tab::Report if old.on != new.on => new.on.clone(),
        Tab::Report | Tab::Item => at.on.clone(),
    };
    Placed { on, row }
}

fn brought(tab: Tab, site: Placed, at: Placed) -> State {
    if site.on == at.on {
        return changed(tab, at, &site.row);
    }
    State::Moved { site, at }
}

fn updated(tab: Tab, mut edit: Edit, written: &Written, old: &Placed, new: &Placed) -> Edit {
    edit.state = match edit.state {
        State::GoneTwice { .. } => first_change(tab, written, old, new),
        State::Gone { site } => brought(tab, site, new.clone()),
        State::Born(at) => State::Born(applied(tab, &at, old, new)),
        State::Changed { at, mut seen } => {
            let site = placed_site(written, old);
            for unit in tab
                .units()
                .iter()
                .filter(|unit| !same(unit, &old.row, &new.row))
            {
                if !unit.iter().any(|column| seen.contains_key(column)) {
                    seen.extend(of(unit, &site.row));
                }
            }
            let after = applied(tab, &at, old, new);
            if after.on == at.on {
                State::Changed { at: after, seen }
            } else {
                State::Moved {
                    site: Placed {
                        on: at.on,
                        row: under(written, old, &seen),
                    },
                    at: after,
                }
            }
        }
        State::Moved { mut site, at } => {
            if let Some(base) = &written.base {
                for unit in tab
                    .units()
                    .iter()
                    .filter(|unit| !same(unit, &old.row, &new.row))
                {
                    if same(unit, &at.row, &site.row) {
                        for column in *unit {
                            site.row[*column].clone_from(&base[*column]);
                        }
                    }
                }
            }
            let after = applied(tab, &at, old, new);
            brought(tab, site, after)
        }
    };
    edit
}

/// The site's whole row under a changed one.
fn under(written: &Written, old: &Placed, seen: &Values) -> Row {
    if let Some(base) = &written.base {
        return base.clone();
    }
    let mut row = old.row.clone();
    for (column, text) in seen {
        row[*column].clone_from(text);
    }
    row
}

fn inserted(tab: Tab, mut edit: Edit, written: &Written, new: &Placed) -> Edit {
    edit.state = match edit.state {
        State::Born(ref at) | State::Moved { ref at, .. } => {
            let old = at.clone();
            return updated(tab, edit, written, &old, new);
        }
        State::Changed { .. } => State::Born(new.clone()),
        State::Gone { site } => brought(tab, site, new.clone()),
        State::GoneTwice { .. } => {
            for lost in [&mut edit.site_lost, &mut edit.cloud_lost] {
                if lost.is_whole(tab) {
                    *lost = Lost::Nothing;
                }
            }
            State::Born(new.clone())
        }
    };
    edit
}

fn deleted(mut edit: Edit, written: &Written, old: &Placed) -> Option<Edit> {
    edit.state = match edit.state {
        State::GoneTwice { .. } => State::Gone {
            site: placed_site(written, old),
        },
        State::Changed { at, seen } => State::Gone {
            site: Placed {
                on: at.on,
                row: under(written, old, &seen),
            },
        },
        State::Moved { site, .. } => State::Gone {
            site: Placed {
                on: site.on,
                row: written.base.clone().unwrap_or(site.row),
            },
        },
        State::Born(at) => {
            edit.site_lost = Lost::Nothing;
            if written.is_at_site {
                State::Gone { site: old.clone() }
            } else if edit.cloud_lost == Lost::Nothing {
                return None;
            } else {
                State::GoneTwice { on: at.on }
            }
        }
        gone @ State::Gone { .. } => gone,
    };
    Some(edit)
}
