//! After a row has changed: do the rows that belong to it fit, and what does the journal say?

use causeway_shared::dataset::Partitioning;

use super::{Renderer, Side, refuse, select};
use crate::db::rules;
use crate::db::sql::{CLASH, PART, list, literal, names, not_exempt, quote};

/// Most bytes of a row in the journal, as of a row that the agent sends.
const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;

impl Renderer<'_> {
    /// Refuses a row that refers to one that is not there. A reference that a change leaves as it
    /// was is the site's to judge.
    pub(super) fn references(&self, changed: bool) -> String {
        let references = rules::references(self.table).into_iter();
        let refuse = references.map(|(column, parent)| {
            let missing = rules::message_of_missing_parent(self.dataset, parent);
            let (parent, key) = self.parent(parent);
            let value = self.column(Side::New, column);
            let changed = match changed {
                true => format!("{} AND ", self.differ(&[column])),
                false => String::new(),
            };
            let name = format!("{}.{} ", self.table.name, self.table.columns[column].name);
            refuse(
                "23503",
                &format!(
                    "{} || substr({value}, 1, 60) || {}",
                    literal(&name),
                    literal(&missing)
                ),
                &format!(
                    "{changed}{value} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} AS \
                     causeway_parent WHERE causeway_parent.{key} = {value})"
                ),
            )
        });
        refuse.collect()
    }

    /// Refuses values of a unique rule across partitions, which no index judges, that another loaded row has.
    pub(super) fn unique_across_parts(&self, changed: bool) -> String {
        let refuse = rules::unique_across_parts(self.table).map(|(_, unique)| {
            let changed = match changed {
                true => format!(
                    "({} OR NOT (true{})) AND ",
                    self.differ(&unique.columns),
                    not_exempt(self.table, unique, "OLD.")
                ),
                false => String::new(),
            };
            let other = |at: &usize| {
                format!("causeway_other.{}", names(self.table, &[*at]))
            };
            let columns = unique.columns.iter();
            let same = columns.map(|at| format!("{} = {}", other(at), self.column(Side::New, *at)));
            let key = list(self.table.key.iter().map(other));
            let message = rules::message_of_clash(
                self.table.name.as_str(),
                &rules::names(self.table, &unique.columns),
            );
            refuse(
                "23505",
                &literal(&message),
                &format!(
                    "{changed}EXISTS (SELECT 1 FROM {} AS causeway_other WHERE {} AND ({}) IS NOT {} \
                     AND NOT causeway_other.{}{}){}",
                    quote(self.table.name.as_str()),
                    same.collect::<Vec<_>>().join(" AND "),
                    key,
                    self.row(Side::New, &self.table.key),
                    quote(CLASH),
                    not_exempt(self.table, unique, "causeway_other."),
                    not_exempt(self.table, unique, "NEW."),
                ),
            )
        });
        refuse.collect()
    }

    /// Refuses that a row goes which others refer to.
    pub(super) fn needed(&self) -> String {
        let [key] = self.table.key[..] else {
            return String::new();
        };
        let key = self.column(Side::Old, key);
        let refuse = self.dataset.tables.iter().flat_map(|child| {
            let references = rules::references(child).into_iter();
            let references = references.filter(|(_, parent)| *parent == self.id);
            references.map(|(column, _)| {
                let message = rules::message_of_needed_parent(self.table, child, column);
                refuse(
                    "23503",
                    &literal(&message),
                    &format!(
                        "EXISTS (SELECT 1 FROM {} AS causeway_child WHERE causeway_child.{} = {key})",
                        quote(child.name.as_str()),
                        names(child, &[column]),
                    ),
                )
            })
        });
        refuse.collect()
    }

    /// A row whose values of a unique rule are others now has to keep the rule.
    pub(super) fn unmark(&self) -> String {
        let columns = self.table.unique.iter().flat_map(|unique| {
            let unless = unique.unless.iter().map(|(column, _)| *column);
            unique.columns.iter().copied().chain(unless)
        });
        let mut columns: Vec<usize> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        if columns.is_empty() {
            return String::new();
        }
        let key = self.table.key.iter().map(|at| self.column(Side::New, *at));
        format!(
            "    UPDATE {} SET {clash} = false WHERE {clash} AND ({}) = (SELECT {})\n        \
             AND (SELECT {});\n",
            quote(self.table.name.as_str()),
            names(self.table, &self.table.key),
            list(key),
            self.differ(&columns),
            clash = quote(CLASH),
        )
    }

    /// Puts a row into the part that its values give. Of a row that follows a parent this is a change of
    /// its own, which the triggers journal; of others the journal has the new part already.
    pub(super) fn put_right(&self) -> String {
        let (Some(own), table) = (self.own_part(), self.table) else {
            return String::new();
        };
        let decides = match table.partition {
            Partitioning::By { column } => column,
            Partitioning::Via { on, .. } => on,
            Partitioning::Buckets { .. } => return String::new(),
        };
        let key = table.key.iter().map(|at| self.column(Side::New, *at));
        // In a subquery, where a table that is called `new` cannot be meant.
        format!(
            "    UPDATE {name} SET {part} = (SELECT {own}) WHERE ({key}) = (SELECT {values})\n        \
             AND {part} IS NOT (SELECT {own}) AND (SELECT {changed});\n",
            name = quote(table.name.as_str()),
            part = quote(PART),
            key = names(table, &table.key),
            values = list(key),
            changed = self.differ(&[decides]),
        )
    }

    /// Rows that follow one that was moved go along. Their own triggers journal that.
    pub(super) fn take_along(&self) -> String {
        let [key] = self.table.key[..] else {
            return String::new();
        };
        let key = self.column(Side::New, key);
        let (old, new) = (Side::Old.column(PART), self.part(Side::New));
        let take = self.dataset.followers(self.id).map(|(child, on)| {
            format!(
                "    UPDATE {child} SET {part} = (SELECT {new}) WHERE {on} = (SELECT {key})\n        \
                 AND {part} IS NOT (SELECT {new}) AND (SELECT {old} IS NOT {new});\n",
                child = quote(child.name.as_str()),
                part = quote(PART),
                on = names(child, &[on]),
            )
        });
        take.collect()
    }

    /// The part of a row as it was or will be: of a row by date before it is put right, too.
    fn part(&self, side: Side) -> String {
        match (side, self.table.partition) {
            (Side::New, Partitioning::By { .. }) => {
                self.own_part().unwrap_or_else(|| side.column(PART))
            }
            _ => side.column(PART),
        }
    }

    pub(super) fn journal(&self, old: bool, new: bool) -> String {
        let part = |side: Side, there| match there {
            true => self.part(side),
            false => "NULL".to_owned(),
        };
        let values = |side: Side, there| match there {
            true => self.values(side),
            false => "NULL".to_owned(),
        };
        let table = literal(self.table.name.as_str());
        let object = match old {
            true => format!(
                "(SELECT causeway_l.object FROM causeway_loaded AS causeway_l\n         \
                 WHERE causeway_l.table_name = {table} AND causeway_l.part = {}\n         \
                 AND causeway_l.known)",
                Side::Old.column(PART)
            ),
            false => "NULL".to_owned(),
        };
        format!(
            "    INSERT INTO causeway_journal\n        \
             (id, tx, table_name, old_part, old, new_part, new, object, site_seq, edits_seq, actor, at)\n    \
             SELECT causeway_uuid(), causeway_transaction(), {table},\n        \
             {}, {},\n        {}, {},\n        {object},\n        \
             causeway_s.loaded_seq, causeway_s.loaded_edits_seq, causeway_actor(), causeway_now()\n    \
             FROM causeway_site AS causeway_s;\n{}",
            part(Side::Old, old),
            values(Side::Old, old),
            part(Side::New, new),
            values(Side::New, new),
            self.refuse_long(),
        )
    }

    /// Refuses a row that is too long for an edits object, or too wide for a page of PostgreSQL. The
    /// journal's row of it is the last one.
    fn refuse_long(&self) -> String {
        let table = literal(self.table.name.as_str());
        let new = |of: &str| {
            format!(
                "(SELECT {of} FROM causeway_journal AS causeway_j \
                 WHERE causeway_j.seq = last_insert_rowid())"
            )
        };
        let long = refuse(
            "23514",
            &format!("{table} || ': the row is over the limit of {MAX_ROW_BYTES} bytes'"),
            &format!("{} > {MAX_ROW_BYTES}", new("octet_length(causeway_j.new)")),
        );
        let wide = self.table.may_be_too_wide().then(|| {
            let row = new("causeway_j.new");
            select(&format!("causeway_judge_width({table}, {row})"))
        });
        long + &wide.unwrap_or_default()
    }

    /// The row as the journal has it: JSON, its canonical texts by column.
    fn values(&self, side: Side) -> String {
        let members = self.columns_by_call().map(|columns| {
            let values = columns.iter().map(|at| self.column(side, *at));
            self.call("members", columns[0], values)
        });
        let members = members.collect::<Vec<_>>().join(" || ',' || ");
        format!("'{{' || {members} || '}}'")
    }
}
