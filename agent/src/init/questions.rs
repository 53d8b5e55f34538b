//! What `init` asks, for its output: every PLEASE of the written files that is about the data.

use super::inspection::Inspection;
use super::keys::Key;
use super::plan::{DatasetPlan, PlannedTable};
use super::types::ColumnProposal;

/// Most that are listed; all are in the files.
const MAX_LISTED: usize = 50;

/// The questions, those that only a person can decide first, each behind what it is about.
pub(super) fn listed(inspection: &Inspection, plan: Option<&DatasetPlan<'_>>) -> Vec<String> {
    let mut asked = Vec::new();
    for source in &inspection.sources {
        let path = source.path.display().to_string();
        let settings = [
            &source.encoding,
            &source.delimiter,
            &source.dates,
            &source.decimals,
        ];
        let whys = settings.into_iter().flatten();
        ask(&mut asked, &path, whys.map(|setting| &setting.why));
    }
    for planned in plan.into_iter().flat_map(|plan| &plan.tables) {
        of_table(&mut asked, planned);
    }
    // The table's own question is listed with what is left out.
    for (planned, _) in plan.into_iter().flat_map(|plan| &plan.left_out) {
        of_columns(&mut asked, planned);
    }
    if let Some(meetassist) = &inspection.meetassist {
        for table in &inspection.tables {
            let remarks = table.meetassist_remarks(meetassist);
            ask(&mut asked, &table.shape.name, &remarks);
        }
    }
    asked.sort_by_key(|question| !question.contains("PLEASE DECIDE"));
    let more = asked.len().saturating_sub(MAX_LISTED);
    asked.truncate(MAX_LISTED);
    if more > 0 {
        asked.push(format!("and {more} more"));
    }
    asked
}

/// The columns that are not carried, and why.
pub(super) fn left_out_columns(plan: &DatasetPlan<'_>) -> Vec<String> {
    let mut left_out = Vec::new();
    let shown = plan.left_out.iter().map(|(planned, _)| planned);
    for planned in plan.tables.iter().chain(shown) {
        let PlannedTable { table, .. } = planned;
        for (column, verdict) in table.shape.columns.iter().zip(&table.verdicts) {
            if let ColumnProposal::LeaveOut(why) = verdict {
                left_out.push(format!(
                    "{}.{} is left out: {why}",
                    table.shape.name, column.name
                ));
            }
        }
    }
    left_out
}

fn of_table(asked: &mut Vec<String>, planned: &PlannedTable<'_>) {
    let table = planned.table;
    let name = table.shape.name.as_str();
    ask(asked, name, &table.skipped.remarks());
    ask(asked, name, &table.too_wide_question());
    if let Key::Columns { why, .. } = &table.key {
        ask(asked, &format!("{name}: key"), [why]);
    }
    ask(asked, &format!("{name}: partition"), &planned.partition_why);
    of_columns(asked, planned);
}

fn of_columns(asked: &mut Vec<String>, planned: &PlannedTable<'_>) {
    let shape = &planned.table.shape;
    for (at, column) in shape.columns.iter().enumerate() {
        let about = format!("{}.{}", shape.name, column.name);
        if let Some(pick) = planned.table.pick(at) {
            ask(asked, &about, &pick.questions);
        }
    }
}

/// Takes the questions among some remarks.
fn ask<'r>(asked: &mut Vec<String>, about: &str, remarks: impl IntoIterator<Item = &'r String>) {
    let questions = remarks
        .into_iter()
        .filter(|remark| remark.contains("PLEASE"));
    asked.extend(questions.map(|question| format!("{about}: {question}")));
}
