//! The proposed dataset as a file, with the reasons beside the proposals.

use causeway_shared::runtime::program::count;

use super::keys::Key;
use super::names::site_name;
use super::partition::Partition;
use super::plan::{DatasetPlan, PlannedTable};
use super::text::{array, behind, comment, quoted};
use super::types::ColumnProposal;

/// Writes the dataset.
pub(super) fn render(plan: &DatasetPlan<'_>) -> String {
    let mut out = String::new();
    let left_out = plan.left_out.iter().map(|(planned, _)| planned);
    let read: Vec<&PlannedTable<'_>> = plan.tables.iter().chain(left_out).collect();
    let rows: u64 = read.iter().map(|planned| planned.table.rows).sum();
    comment(
        &mut out,
        "",
        &format!(
            "A dataset proposed by `causeway-agent init`, which read all of {} in {}. \
             Read it through before the first `sync`: what is said behind a line is why it was \
             proposed; what needs a look or a decision says so in capital letters. Then see what \
             `causeway-agent plan` says.",
            count(rows, "row"),
            count(read.len() as u64, "table")
        ),
    );
    out.push_str("#\n");
    comment(
        &mut out,
        "",
        "Where site and cloud change the same value, the cloud's stands, unless a table says \
         merge = \"site\".",
    );
    let name = read.first().map_or_else(String::new, |planned| {
        let stem = planned.table.path.file_stem().unwrap_or_default();
        site_name(&stem.to_string_lossy())
    });
    out.push_str(&format!("name = {}\nversion = 1\n", quoted(&name)));
    for planned in &plan.tables {
        out.push('\n');
        table(&mut out, planned, &plan.tables);
    }
    for (planned, why) in &plan.left_out {
        let mut shown = String::new();
        table(&mut shown, planned, &plan.tables);
        out.push('\n');
        let name = &planned.table.shape.name;
        comment(
            &mut out,
            "",
            &format!("LEFT OUT: {name:?}: {}", why.question()),
        );
        for line in shown.lines() {
            out.push_str(format!("# {line}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn table(out: &mut String, planned: &PlannedTable<'_>, tables: &[PlannedTable<'_>]) {
    let found = planned.table;
    let name = |column: &usize| planned.columns[*column].name.as_str();
    out.push_str("[[table]]\n");
    out.push_str(&format!("name = {}\n", quoted(&planned.named.name)));
    if let Some(source) = &planned.named.source {
        out.push_str(&format!("source = {}\n", quoted(source)));
    }
    for remark in found.skipped.remarks() {
        comment(out, "", &format!("{remark}."));
    }
    if let Some(question) = found.too_wide_question() {
        comment(out, "", &format!("{question}."));
    }
    let why = match &found.key {
        Key::Columns { why, .. } | Key::None { why } => why,
    };
    out.push_str(&format!("key = {}", array(planned.key.iter().map(name))));
    behind(out, why);
    partition(out, planned, tables);
    // One key for all of them: TOML takes none twice.
    let rules: Vec<String> = planned
        .unique
        .iter()
        .map(|columns| format!("{{ columns = {} }}", array(columns.iter().map(name))))
        .collect();
    if !rules.is_empty() {
        out.push_str(&format!("unique = [{}]", rules.join(", ")));
        behind(out, "declared UNIQUE");
    }
    for rule in &planned.no_unique {
        comment(out, "", &format!("Not as a unique rule: {rule}."));
    }
    summary(out, planned);
    if planned.has_lookup {
        let key = array(planned.key.iter().map(name));
        out.push_str(&format!("lookup = {key}"));
        behind(out, "finds a row by its key without loading its date");
    }
    out.push_str("column = [\n");
    for at in 0..found.shape.columns.len() {
        column(out, planned, tables, at);
    }
    out.push_str("]\n");
}

fn partition(out: &mut String, planned: &PlannedTable<'_>, tables: &[PlannedTable<'_>]) {
    for why in planned.partition_why.iter().skip(1) {
        comment(out, "", &format!("{why}."));
    }
    let name = |column: usize| quoted(&planned.columns[column].name);
    let value = match &planned.partition {
        Partition::By(column) => format!("{{ by = {} }}", name(*column)),
        Partition::Via(parent, on) => format!(
            "{{ via = {}, on = {} }}",
            quoted(&tables[*parent].named.name),
            name(*on)
        ),
        Partition::Buckets(count) => format!("{{ buckets = {count} }}"),
    };
    out.push_str(&format!("partition = {value}"));
    behind(
        out,
        planned.partition_why.first().map_or("", String::as_str),
    );
}

fn summary(out: &mut String, planned: &PlannedTable<'_>) {
    let names =
        |columns: &[usize]| array(columns.iter().map(|c| planned.columns[*c].name.as_str()));
    let mut parts = Vec::new();
    if !planned.count_by.is_empty() {
        parts.push(format!("count_by = {}", names(&planned.count_by)));
    }
    if !planned.sum.is_empty() {
        parts.push(format!("sum = {}", names(&planned.sum)));
    }
    if !parts.is_empty() {
        out.push_str(&format!("summary = {{ {} }}\n", parts.join(", ")));
    }
}

fn column(out: &mut String, planned: &PlannedTable<'_>, tables: &[PlannedTable<'_>], at: usize) {
    let found = &planned.table.shape.columns[at];
    let named = &planned.columns[at];
    let pick = match &planned.table.verdicts[at] {
        ColumnProposal::Carry(pick) => pick,
        ColumnProposal::LeaveOut(why) => {
            comment(out, "  ", &format!("Left out: {:?}: {why}.", found.name));
            return;
        }
    };
    let mut fields = vec![format!("name = {}", quoted(&named.name))];
    if let Some(source) = &named.source {
        fields.push(format!("source = {}", quoted(source)));
    }
    fields.push(format!("type = {}", quoted(&pick.ty.to_string())));
    fields.extend(pick.max.map(|max| format!("max = {max}")));
    if planned.not_null(at) {
        fields.push("not_null = true".to_owned());
    }
    let mut why = vec![pick.why.clone()];
    why.extend_from_slice(&pick.questions);
    if let Some((reference, parent)) = planned.references.iter().find(|(r, _)| r.column == at) {
        fields.push(format!(
            "references = {}",
            quoted(&tables[*parent].named.name)
        ));
        why.push(match (reference.declared, reference.missing) {
            (true, 0) => "declared FOREIGN KEY".to_owned(),
            (true, missing) => format!(
                "declared FOREIGN KEY, but {missing} of {} different values are no keys there",
                reference.distinct
            ),
            (false, _) => format!("all {} different values are keys there", reference.distinct),
        });
    }
    out.push_str(&format!("  {{ {} }},", fields.join(", ")));
    behind(out, &why.join("; "));
}
