//! A region, compound, building, unit or case as a page of labels and values.

use prost_reflect::{DynamicMessage, ReflectMessage as _};

use crate::cli::{claim, field, finding, message, read, report, table::Sheet, work};
use crate::proto::v1;

/// One subject, label by label.
pub fn page(record: &DynamicMessage) -> Sheet {
    if record.descriptor().name() == "Case" {
        return case_page(record);
    }
    if record.descriptor().name() == "Finding" {
        return finding::page(record);
    }
    let mut sheet = Sheet::default();
    sheet.row([record.descriptor().name().to_lowercase(), message::text(record, "id")]);
    sheet.row([field::label("etag"), message::text(record, "etag")]);
    if let Some(life) = message::nested(record, "life") {
        sheet.row(["life 存续".to_owned(), life_text(&life)]);
        for (name, label) in [("predecessors", "comes from 来自"), ("successors", "became 成为")]
        {
            for relative in message::list(&life, name) {
                sheet.row([label.to_owned(), relative_text(&relative)]);
            }
        }
    }
    if let Some(fields) = message::nested(record, "fields") {
        for (label, value) in field::said(&fields) {
            sheet.row([label, value]);
        }
    }
    if record.descriptor().name() == "Report" {
        report::beside(record, &mut sheet);
    } else if let Some(state) = field::shown(record, "state") {
        sheet.row([field::label("state"), state]);
    }
    if record.descriptor().name() == "Claim" {
        claim::beside(record, &mut sheet);
    }
    if record.descriptor().name() == "Work" {
        work::beside(record, &mut sheet);
    }
    for (label, value) in message::nested(record, "head").iter().flat_map(field::said) {
        sheet.row([label, value]);
    }
    for name in ["answered_by_id", "case_ids", "entries_in_doubt"] {
        if let Some(value) = field::shown(record, name).filter(|value| !value.is_empty()) {
            sheet.row([field::label(name), value.replace('\n', ", ")]);
        }
    }
    sheet
}

/// Many subjects of one kind, a row each.
pub fn rows(records: &[DynamicMessage]) -> Sheet {
    let mut sheet = Sheet::new([
        "id 编号",
        "name 名称",
        "address 地址",
        "since 起始",
        "state 状态",
        "details 详情",
    ]);
    for record in records {
        let fields = message::nested(record, "fields");
        let life = message::nested(record, "life");
        // What the file of an edition says of itself.
        let head = message::nested(record, "head");
        let told = fields.iter().chain(&head).map(details).filter(|told| !told.is_empty());
        let of = |name: &str| fields.as_ref().map(|fields| message::text(fields, name));
        sheet.row([
            message::text(record, "id"),
            ["name", "title", "number", "policy_number", "claim_number", "done"]
                .into_iter()
                .filter_map(of)
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
            of("address").unwrap_or_default(),
            life.as_ref().map(|life| message::text(life, "exists_from")).unwrap_or_default(),
            field::shown(record, "state")
                .or_else(|| field::shown(life.as_ref()?, "presence"))
                .unwrap_or_default(),
            told.collect::<Vec<_>>().join(", "),
        ]);
    }
    sheet
}

/// What tells one subject of a list from another, in a few words.
fn details(fields: &DynamicMessage) -> String {
    const TELLING: [&str; 30] = [
        "level",
        "entrance",
        "floor",
        "completed",
        "built",
        "structure",
        "use",
        "storeys_above",
        "floor_area_cm2",
        "area_cm2",
        "management",
        "table",
        "edition",
        "standing",
        "from",
        "year",
        "kind",
        "building_id",
        "body_id",
        "deadline",
        "qualifications",
        "employments",
        "product",
        "clause",
        "policyholder",
        "insured",
        "cover",
        "part",
        "cause",
        "lost_on",
    ];
    let mut words = Vec::new();
    for name in TELLING {
        if !fields.has_field_by_name(name) {
            continue;
        }
        let Some(value) = field::shown(fields, name) else { continue };
        words.push(match (name, field::unit(name)) {
            (_, Some((unit, _))) => format!("{value} {unit}"),
            ("storeys_above", _) => format!("{value} storeys 层"),
            ("floor", _) => format!("floor {value} 层"),
            ("entrance", _) => format!("entrance {value} 单元"),
            ("deadline", _) => format!("by {value} 截止"),
            ("from", _) => format!("from {value} 起"),
            _ => value.replace('\n', "; "),
        });
    }
    words.join(", ")
}

/// From when to when, and whether it is there on the day of the read.
fn life_text(life: &DynamicMessage) -> String {
    // What was entered in error exists from no day.
    let from = message::text(life, "exists_from");
    let Some(mut text) = (!from.is_empty()).then(|| format!("from {from}")) else {
        return field::shown(life, "presence").unwrap_or_default();
    };
    let ended_on = message::text(life, "ended_on");
    if !ended_on.is_empty() {
        text = format!("{text}, ended {ended_on}");
    }
    if let Some(cause) = field::shown(life, "end_cause") {
        text = format!("{text} ({cause})");
    }
    if let Some(presence) = field::shown(life, "presence") {
        text = format!("{text}: {presence}");
    }
    let because = message::text(life, "because");
    if because.is_empty() { text } else { format!("{text}, because {because}") }
}

fn relative_text(relative: &DynamicMessage) -> String {
    let (id, day) = (message::text(relative, "id"), message::text(relative, "day"));
    let Ok(typed) = relative.transcode_to::<v1::Relative>() else { return id };
    match (typed.share_numerator, typed.share_denominator) {
        (_, 0) | (1, 1) => format!("{id} on {day}"),
        (numerator, denominator) => format!("{id} on {day}, {numerator}/{denominator}"),
    }
}

fn case_page(case: &DynamicMessage) -> Sheet {
    let mut sheet = Sheet::default();
    let Ok(typed) = case.transcode_to::<v1::Case>() else { return sheet };
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            sheet.row([label.to_owned(), value]);
        }
    };
    row("case", typed.id.clone());
    row("reason 原因", typed.reason.clone());
    row("", typed.message_zh.clone());
    row("", typed.message.clone());
    row("state 状态", field::shown(case, "state").unwrap_or_default());
    row("outcome 结论", field::shown(case, "outcome").unwrap_or_default());
    row("assignee 经办", typed.assignee.clone());
    row("opened 建立", read::clock_text(typed.opened_at.as_ref()));
    row("by entry 起因", typed.opened_by_entry.to_string());
    row("closed by 办结", typed.closed_by_entry.map(|entry| entry.to_string()).unwrap_or_default());
    row("subjects 对象", typed.subject_ids.join("\n"));
    if typed.in_doubt_count > 1 {
        row("in doubt 存疑对象", typed.in_doubt_count.to_string());
    }
    row("entries in doubt 存疑记录", numbers(&typed.entries_in_doubt));
    sheet
}

/// Numbers of entries with commas between them.
///
/// Three and more in a row are told by the first and the last: a building takes its units along.
pub fn numbers(entries: &[u64]) -> String {
    let follows = |earlier: &u64, later: &u64| earlier.checked_add(1) == Some(*later);
    let runs = entries.chunk_by(follows).flat_map(|run| match run {
        [first, _, .., last] => vec![format!("{first}–{last}")],
        few => few.iter().map(u64::to_string).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_in_a_row_are_told_by_the_first_and_the_last() {
        assert_eq!(numbers(&[]), "");
        assert_eq!(numbers(&[7]), "7");
        assert_eq!(numbers(&[7, 8]), "7, 8");
        assert_eq!(numbers(&[3, 7, 8, 9, 11]), "3, 7–9, 11");
        assert_eq!(numbers(&[9, 8, 7, u64::MAX]), format!("9, 8, 7, {}", u64::MAX));
    }
}
