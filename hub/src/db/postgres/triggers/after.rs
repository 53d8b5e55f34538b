//! After a row was written, when all rows of the statement are there: references are checked, and the
//! journal is written.

use causeway_shared::dataset::{Partitioning, Table, TableId, Unique};

use super::{Triggers, changed, field, refuse, when};
use crate::db::postgres::render::{column_type, target};
use crate::db::sql::{CLASH, PART, list, literal, quote};
use crate::db::{rules, sql};

/// The function's body.
pub(super) fn body(triggers: &Triggers<'_>, table: &Table) -> String {
    let part = quote(PART);
    [
        "DECLARE\n    causeway_old text;\n    causeway_new text;\nBEGIN\n".to_owned(),
        when(
            "TG_OP <> 'INSERT'",
            &format!("causeway_old := {};", json(table, "OLD")),
        ),
        when(
            "TG_OP <> 'DELETE'",
            &format!("causeway_new := {};", json(table, "NEW")),
        ),
        when(
            &format!("causeway_old = causeway_new AND OLD.{part} IS NOT DISTINCT FROM NEW.{part}"),
            "RETURN NULL;",
        ),
        triggers.references(table),
        triggers.unique_across_parts(table),
        format!(
            "    PERFORM causeway.write_journal({}, {}, OLD.{part}, causeway_old, NEW.{part}, causeway_new);\n",
            literal(triggers.site.as_str()),
            literal(table.name.as_str()),
        ),
        triggers.take_along(table),
        "    RETURN NULL;\nEND".to_owned(),
    ]
    .concat()
}

/// The body of the function that follows each DELETE, when the journal has all that is gone.
pub(super) fn body_of_delete(triggers: &Triggers<'_>, table: &Table) -> String {
    format!(
        "BEGIN\n    PERFORM causeway.guard_deletes({}, {}, {});\n{}    RETURN NULL;\nEND",
        literal(triggers.site.as_str()),
        literal(&triggers.site.schema()),
        literal(table.name.as_str()),
        triggers.referred(table),
    )
}

/// A row as a JSON object of texts. Two arrays take any number of columns.
fn json(table: &Table, row: &str) -> String {
    let names = table.columns.iter().map(|c| literal(c.name.as_str()));
    let texts = (0..table.columns.len()).map(|at| format!("{}::text", field(row, table, at)));
    format!(
        "json_object(ARRAY[{}], ARRAY[{}])::text",
        list(names),
        list(texts)
    )
}

impl Triggers<'_> {
    /// A new value refers to a row that is there, which no other writer deletes until the transaction ends.
    /// The row itself is not locked: a load that puts it anew waits for nobody. Only who does not see what
    /// others have committed locks it, and begins anew where somebody has changed it.
    fn references(&self, table: &Table) -> String {
        let check = |(column, parent): (usize, TableId)| {
            let new = field("NEW", table, column);
            let parent_table = &self.dataset.tables[parent];
            let name = format!("{}.{}", table.name, table.columns[column].name);
            let busy = format!(
                "{name}: somebody else changes the row of {}",
                parent_table.name
            );
            // A key is what most rows go by; one that follows goes by the date as well.
            let share = match table.partition {
                Partitioning::Via { on, .. } if on == column => "SHARE",
                _ => "KEY SHARE",
            };
            let found = format!(
                "PERFORM FROM {} AS causeway_parent WHERE causeway_parent.{} = {new}",
                target(self.site, parent_table),
                self.key_of(parent),
            );
            format!(
                "    IF {} AND {new} IS NOT NULL THEN\n    PERFORM causeway.keep_parent({}, {}, {new}::text);\n\
                 \x20   {found};\n{}    \
                 IF current_setting('transaction_isolation') NOT LIKE 'read %' THEN\n    \
                 {found} FOR {share} SKIP LOCKED;\n{}    END IF;\n    END IF;\n",
                changed(table, column),
                literal(self.site.as_str()),
                literal(parent_table.name.as_str()),
                when("NOT FOUND", &self.refuse_reference(table, column, parent)),
                when(
                    "NOT FOUND",
                    &refuse("40001", table, column, &literal(&busy))
                ),
            )
        };
        rules::references(table).into_iter().map(check).collect()
    }

    /// New values of a unique rule across partitions, which no index judges, are no other loaded row's. Who
    /// brings some waits for whoever did and has not ended yet.
    fn unique_across_parts(&self, table: &Table) -> String {
        let judge = |(at, unique): (usize, &Unique)| {
            let changed = unique.columns.iter().map(|at| changed(table, *at));
            let was_exempt = format!("NOT (true{})", sql::not_exempt(table, unique, "OLD."));
            let changed: Vec<_> = changed.chain([was_exempt]).collect();
            let column = |of: &str, at: &usize| field(of, table, *at);
            let columns = unique.columns.iter();
            let given = columns.map(|at| format!(" AND {} IS NOT NULL", column("NEW", at)));
            let columns = unique.columns.iter();
            let other = "causeway_other";
            let same = columns.map(|at| format!("{} = {}", column(other, at), column("NEW", at)));
            let key = table.key.iter();
            let is_other = key.map(|at| format!("{} <> {}", column(other, at), column("NEW", at)));
            let message =
                rules::message_of_clash(table.name.as_str(), &rules::names(table, &unique.columns));
            format!(
                "    IF ({}){}{} THEN\n    PERFORM causeway.lock_unique({}, {}, {at});\n    \
                 PERFORM FROM {} AS {other} WHERE {} AND ({}) AND NOT {other}.{}{};\n{}    END IF;\n",
                changed.join(" OR "),
                given.collect::<String>(),
                sql::not_exempt(table, unique, "NEW."),
                literal(self.site.as_str()),
                literal(table.name.as_str()),
                target(self.site, table),
                same.collect::<Vec<_>>().join(" AND "),
                is_other.collect::<Vec<_>>().join(" OR "),
                quote(CLASH),
                sql::not_exempt(table, unique, "causeway_other."),
                when(
                    "FOUND",
                    &refuse("23505", table, unique.columns[0], &literal(&message))
                ),
            )
        };
        rules::unique_across_parts(table).map(judge).collect()
    }

    /// Rows that follow one that was moved go along. Their own triggers judge and journal that, though this is
    /// a change of the tables' owner, by whoever calls himself the loader.
    fn take_along(&self, table: &Table) -> String {
        let (part, id) = (quote(PART), self.dataset.tables.id(table.name.as_str()));
        let followers = id.map(|id| self.dataset.followers(id));
        let take = |(child, on): (&Table, usize)| {
            let moved = format!("TG_OP = 'UPDATE' AND OLD.{part} <> NEW.{part}");
            let update = format!(
                "PERFORM causeway.move_parent({}, {}, {}::text);\n    \
                 PERFORM set_config('causeway.loader', 'off', true);\n    \
                 UPDATE {} AS causeway_child SET {part} = NEW.{part} WHERE causeway_child.{} = {} \
                 AND causeway_child.{part} <> NEW.{part};",
                literal(self.site.as_str()),
                literal(table.name.as_str()),
                field("NEW", table, table.key[0]),
                target(self.site, child),
                quote(child.columns[on].name.as_str()),
                field("NEW", table, table.key[0]),
            );
            when(&moved, &update)
        };
        followers.into_iter().flatten().map(take).collect()
    }

    /// The quoted name of a table's only key column.
    pub(super) fn key_of(&self, table: TableId) -> String {
        let table = &self.dataset.tables[table];
        quote(table.columns[table.key[0]].name.as_str())
    }

    /// The refusal of a value that refers to no row.
    pub(super) fn refuse_reference(&self, table: &Table, column: usize, parent: TableId) -> String {
        let place = format!("{}.{}: ", table.name, table.columns[column].name);
        let message = format!(
            "{} || causeway.show({}::text) || {}",
            literal(&place),
            field("NEW", table, column),
            literal(&rules::message_of_missing_parent(self.dataset, parent)),
        );
        refuse("23503", table, column, &message)
    }

    /// What was deleted is referred to by no loaded row.
    fn referred(&self, table: &Table) -> String {
        let children = self.dataset.tables.iter().flat_map(|child| {
            let references = rules::references(child).into_iter();
            references.map(move |(column, parent)| (child, column, parent))
        });
        let here =
            children.filter(|(_, _, parent)| self.dataset.tables[*parent].name == table.name);
        let check = |(child, column, parent): (&Table, usize, TableId)| {
            let key = table.key[0];
            let message = rules::message_of_needed_parent(table, child, column);
            let refuse = refuse("23503", table, key, &literal(&message));
            let refers = format!(
                "causeway_child.{}",
                quote(child.columns[column].name.as_str())
            );
            format!(
                "    PERFORM FROM {} AS causeway_child WHERE {refers} IN (\
                 SELECT (j.old ->> {})::{} FROM causeway.journal AS j WHERE j.site = {} \
                 AND j.tx = txid_current() AND j.table_name = {} AND j.new IS NULL) \
                 AND NOT EXISTS (SELECT FROM {} AS causeway_parent WHERE causeway_parent.{} = {refers}) \
                 LIMIT 1;\n{}",
                target(self.site, child),
                literal(table.columns[key].name.as_str()),
                column_type(&table.columns[key]),
                literal(self.site.as_str()),
                literal(table.name.as_str()),
                target(self.site, table),
                self.key_of(parent),
                when("FOUND", &refuse)
            )
        };
        let checks: String = here.map(check).collect();
        if checks.is_empty() {
            return checks;
        }
        let key = &table.columns[table.key[0]].name;
        let wait = format!(
            "    PERFORM causeway.drop_parents({}, {}, {});\n",
            literal(self.site.as_str()),
            literal(table.name.as_str()),
            literal(key.as_str())
        );
        wait + &checks
    }
}
