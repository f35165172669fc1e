//! The columns of inspections and findings, as those of the other kinds are in [`super::column`].

use crate::{
    exchange::column::{By, Column, Form, KEY_CHARS_MAX, Word, source_of, word},
    kernel::{id::Kind, limit::NAME_CHARS_MAX},
};

/// 报告类型
pub static REPORT_KINDS: &[Word] = &[
    word(1, "CHECK_UP", &["体检", "房屋体检", "定期体检"]),
    word(2, "PATROL", &["巡查", "日常巡查"]),
    word(3, "SPECIAL_CHECK", &["专项检查", "专项"]),
    word(4, "APPRAISAL", &["鉴定", "安全鉴定", "房屋鉴定"]),
];

/// 报告状态
pub static REPORT_STATES: &[Word] = &[
    word(1, "DRAFTED", &["草稿"]),
    word(2, "SIGNED", &["已签字", "已签名"]),
    word(3, "SUBMITTED", &["已提交"]),
    word(4, "ACCEPTED", &["已验收", "已通过"]),
    word(5, "RETURNED", &["已退回", "退回"]),
    word(6, "SUPERSEDED", &["已被替代", "作废"]),
];

/// 等级标准
pub static GRADE_SCALES: &[Word] = &[
    word(1, "DANGEROUS_HOUSE", &["危险房屋鉴定", "危房鉴定"]),
    word(2, "RELIABILITY", &["可靠性鉴定"]),
    word(3, "CONDITION", &["房屋完损等级", "完损等级"]),
    word(4, "SURVEY", &["排查分类", "排查"]),
    word(5, "COLOUR", &["颜色码"]),
];

/// 评定范围
pub static GRADE_SCOPES: &[Word] = &[
    word(1, "MEMBER", &["构件"]),
    word(2, "SUB_UNIT", &["子单元"]),
    word(3, "APPRAISAL_UNIT", &["鉴定单元"]),
    word(4, "BUILDING", &["整幢", "整栋"]),
];

/// 评定内容
pub static GRADE_ASPECTS: &[Word] = &[
    word(1, "WHOLE", &["综合"]),
    word(2, "SAFETY", &["安全性"]),
    word(3, "SERVICEABILITY", &["使用性"]),
    word(4, "RELIABILITY", &["可靠性"]),
];

/// 发现来源
pub static OBSERVERS: &[Word] = &[
    word(1, "INSPECTOR", &["体检人员", "体检"]),
    word(2, "PATROL", &["巡查", "巡查人员"]),
    word(3, "INSURER", &["保险机构巡检", "保险机构", "保险"]),
    word(4, "OWNER", &["业主报告", "业主"]),
    word(5, "SENSOR", &["传感器报警", "传感器"]),
];

/// 严重程度
pub static SEVERITIES: &[Word] = &[
    word(1, "WATCH", &["观察"]),
    word(2, "REPAIR_BY", &["限期整改"]),
    word(3, "UNSAFE", &["危险"]),
];

/// A building is named by one of these.
const BY_BUILDING: &[&str] = &["building_id", "building_key", "building_identifier"];

/// What a file of inspections has.
pub(super) const INSPECTION_NEEDS: &[&[&str]] =
    &[&["key"], BY_BUILDING, &["kind"], &["inspected_on"]];

/// What a file of findings has.
pub(super) const FINDING_NEEDS: &[&[&str]] = &[
    &["key"],
    BY_BUILDING,
    &["observed_on"],
    &["class"],
    &["severity"],
    &["seen_by"],
    &["observer"],
];

/// Parts of a list of a report: grades, dimensions, papers.
const PARTS_MAX: usize = 64;
/// Companies that have to do with a building.
const COMPANIES_MAX: usize = 100;

const fn of_building(by: By) -> Column {
    let (name, aliases, about): (_, &[&str], _) = match by {
        By::Id => ("building_id", &["楼栋标识"], "Its building, by the registry's id."),
        By::Key => (
            "building_key",
            &["楼栋编号", "幢编号"],
            "Its building, by its key in the same source, or in `building_source`.",
        ),
        By::Code | By::Identifier => (
            "building_identifier",
            &["楼栋外部编号"],
            "Its building, by an outside number: `jgjt246:…`.",
        ),
    };
    Column::new(name, aliases, "", Form::Reference(by, |draft| &mut draft.building_of), about)
}

const fn building_source() -> Column {
    source_of(
        "building_source",
        &["楼栋来源"],
        |draft| &mut draft.building_source,
        "The source of `building_key`, when it is not the row's.",
    )
}

/// Of reports.
pub(super) static INSPECTION: &[Column] = &[
    of_building(By::Id),
    of_building(By::Key),
    building_source(),
    of_building(By::Identifier),
    Column::new(
        "kind",
        &["报告类型", "检查类型", "类型"],
        "kind",
        Form::Word(REPORT_KINDS, |draft| &mut draft.report.kind),
        "What kind of looking it was.",
    ),
    Column::new(
        "inspected_on",
        &["检查日期", "体检日期", "鉴定日期"],
        "",
        Form::ExactDay(|draft| &mut draft.inspected_on),
        "The last day of the inspection.",
    ),
    Column::new(
        "body_id",
        &["机构标识"],
        "body_id",
        Form::Reference(By::Id, |draft| &mut draft.body_of),
        "The body that made it, by the registry's id.",
    ),
    Column::new(
        "body_identifier",
        &["机构外部编号"],
        "body_id",
        Form::Reference(By::Identifier, |draft| &mut draft.body_of),
        "The body, by an outside number: `uscc:…`.",
    ),
    Column::new(
        "order_id",
        &["委托标识", "任务标识"],
        "order_id",
        Form::Reference(By::Id, |draft| &mut draft.order_of),
        "The order that it answers, by the registry's id.",
    ),
    Column::new(
        "order_identifier",
        &["委托外部编号", "任务外部编号"],
        "order_id",
        Form::Reference(By::Identifier, |draft| &mut draft.order_of),
        "The order, by an outside number: `scheme:value`.",
    ),
    Column::new(
        "grades",
        &["等级", "评定等级"],
        "grades",
        Form::Grades(|draft| &mut draft.report.grades),
        "Its grades: scale, edition, scope, value, and the aspect when it is not the whole: \
         `SURVEY;2020;BUILDING;B|危险房屋鉴定;JGJ125-2016;整幢;C`.",
    ),
    Column::new(
        "dimensions",
        &["检查内容", "体检内容"],
        "dimensions",
        Form::List(PARTS_MAX, |draft| &mut draft.report.dimensions),
        "What was looked at, by the codes of the catalogue: `STR|FIR`.",
    ),
    Column::new(
        "triggers_appraisal",
        &["建议鉴定", "需要鉴定"],
        "triggers_appraisal",
        Form::Flag(|draft| &mut draft.report.triggers_appraisal),
        "Whether it asks for an appraisal.",
    ),
    Column::new(
        "documents",
        &["报告文件", "文件"],
        "documents",
        Form::Documents(|draft| &mut draft.report.documents),
        "Its papers: SHA-256, bytes, media type, and where it lies: `9f86…;48211;application/pdf`.",
    ),
    Column::new(
        "companies",
        &["相关单位", "相关企业"],
        "companies",
        Form::List(COMPANIES_MAX, |draft| &mut draft.report.companies),
        "Companies that have to do with the building, by their keys elsewhere.",
    ),
    Column::new(
        "identifiers",
        &["外部编号", "报告外部编号"],
        "",
        Form::Identifiers(|draft| &mut draft.report.identifiers),
        "Outside numbers: `scheme:value|scheme:value`.",
    ),
    Column::new(
        "signers",
        &["签字人", "签名人"],
        "",
        Form::References(Kind::Signer, |draft| &mut draft.signers),
        "Who signed, each by id or as `scheme:value`.",
    ),
    Column::new(
        "scope",
        &["签字范围", "执业范围"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.scope),
        "The scope that they signed for: `structure`.",
    ),
    Column::new(
        "signed_on",
        &["签字日期", "签名日期"],
        "",
        Form::ExactDay(|draft| &mut draft.signed_on),
        "The day of the signatures; empty while nobody has signed.",
    ),
    Column::new(
        "submitted_on",
        &["提交日期"],
        "",
        Form::ExactDay(|draft| &mut draft.submitted_on),
        "The day on which it was submitted; empty while it was not.",
    ),
    Column::new(
        "state",
        &["状态", "报告状态"],
        "",
        Form::Word(REPORT_STATES, |draft| &mut draft.state),
        "Where it stands by its source; the days must agree.",
    ),
];

/// Of findings.
pub(super) static FINDING: &[Column] = &[
    of_building(By::Id),
    of_building(By::Key),
    building_source(),
    of_building(By::Identifier),
    Column::new(
        "report_id",
        &["报告标识"],
        "",
        Form::Reference(By::Id, |draft| &mut draft.report_of),
        "The report that it stands in, by the registry's id.",
    ),
    Column::new(
        "report_key",
        &["报告编号"],
        "",
        Form::Reference(By::Key, |draft| &mut draft.report_of),
        "The report, by the key of its row in the same source, or in `report_source`.",
    ),
    source_of(
        "report_source",
        &["报告来源"],
        |draft| &mut draft.report_source,
        "The source of `report_key`, when it is not the row's.",
    ),
    Column::new(
        "report_identifier",
        &["报告外部编号"],
        "",
        Form::Reference(By::Identifier, |draft| &mut draft.report_of),
        "The report, by an outside number: `scheme:value`.",
    ),
    Column::new(
        "observed_on",
        &["发现日期", "检查日期"],
        "",
        Form::ExactDay(|draft| &mut draft.observed_on),
        "The day on which it was seen.",
    ),
    Column::new(
        "class",
        &["问题类别", "类别", "类别代码"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.class),
        "Its class, by the code of the catalogue: `STR.CRACK`.",
    ),
    Column::new(
        "severity",
        &["严重程度", "程度"],
        "",
        Form::Word(SEVERITIES, |draft| &mut draft.severity),
        "How bad it looked.",
    ),
    Column {
        path: "observation.source",
        ..Column::new(
            "seen_by",
            &["发现来源", "发现方"],
            "",
            Form::Word(OBSERVERS, |draft| &mut draft.seen_by),
            "In what part it was seen.",
        )
    },
    Column::new(
        "observer",
        &["发现人", "检查人"],
        "",
        Form::Token(KEY_CHARS_MAX, |draft| &mut draft.observer),
        "Who saw it, by an opaque key: never a name or number of a person.",
    ),
    Column::new(
        "entrance",
        &["单元", "单元号"],
        "",
        Form::Token(NAME_CHARS_MAX, |draft| &mut draft.entrance),
        "The entrance of the building.",
    ),
    Column::new(
        "floor",
        &["楼层", "所在层", "所在楼层"],
        "",
        Form::Storey(|draft| &mut draft.floor),
        "The storey; below ground negative, the ground floor is 1.",
    ),
    Column::new(
        "unit_id",
        &["户标识"],
        "",
        Form::Reference(By::Id, |draft| &mut draft.unit_of),
        "The unit in which it is, by the registry's id.",
    ),
    Column::new(
        "unit_key",
        &["户编号"],
        "",
        Form::Reference(By::Key, |draft| &mut draft.unit_of),
        "The unit, by its key in the same source, or in `unit_source`.",
    ),
    source_of(
        "unit_source",
        &["户来源"],
        |draft| &mut draft.unit_source,
        "The source of `unit_key`, when it is not the row's.",
    ),
    Column::new(
        "unit_identifier",
        &["户外部编号"],
        "",
        Form::Reference(By::Identifier, |draft| &mut draft.unit_of),
        "The unit, by an outside number: `scheme:value`.",
    ),
    Column::new(
        "part",
        &["部位"],
        "",
        Form::Token(NAME_CHARS_MAX, |draft| &mut draft.part),
        "The part of the building: `north façade`.",
    ),
    Column::new(
        "notified_on",
        &["通知日期", "整改通知日期"],
        "",
        Form::ExactDay(|draft| &mut draft.notified_on),
        "The day of the notice; empty when there was none.",
    ),
    Column::new(
        "deadline",
        &["整改期限", "期限"],
        "",
        Form::ExactDay(|draft| &mut draft.deadline),
        "The last day for the repair, by the notice; empty: as the catalogue's rule has it.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{
        GradeAspect, GradeScale, GradeScope, ObservationSource, ReportKind, ReportState, Severity,
    };
    use std::collections::BTreeSet;

    type NameOf<'f> = &'f dyn Fn(i32) -> Option<&'static str>;

    #[test]
    fn words_are_all_the_words_of_the_api_and_unambiguous() {
        let kind = |n| ReportKind::try_from(n).ok().map(|v| v.as_str_name());
        let state = |n| ReportState::try_from(n).ok().map(|v| v.as_str_name());
        let scale = |n| GradeScale::try_from(n).ok().map(|v| v.as_str_name());
        let scope = |n| GradeScope::try_from(n).ok().map(|v| v.as_str_name());
        let aspect = |n| GradeAspect::try_from(n).ok().map(|v| v.as_str_name());
        let source = |n| ObservationSource::try_from(n).ok().map(|v| v.as_str_name());
        let severity = |n| Severity::try_from(n).ok().map(|v| v.as_str_name());
        let all: [(&[Word], &str, NameOf<'_>); 7] = [
            (REPORT_KINDS, "REPORT_KIND_", &kind),
            (REPORT_STATES, "REPORT_STATE_", &state),
            (GRADE_SCALES, "GRADE_SCALE_", &scale),
            (GRADE_SCOPES, "GRADE_SCOPE_", &scope),
            (GRADE_ASPECTS, "GRADE_ASPECT_", &aspect),
            (OBSERVERS, "OBSERVATION_SOURCE_", &source),
            (SEVERITIES, "SEVERITY_", &severity),
        ];
        for (words, prefix, name_of) in all {
            let mut seen = BTreeSet::new();
            for word in words {
                assert_eq!(name_of(word.number), Some(format!("{prefix}{}", word.name).as_str()));
                assert!(word.chinese.iter().all(|chinese| seen.insert(*chinese)), "{}", word.name);
            }
            let next = i32::try_from(words.len()).unwrap() + 1;
            assert_eq!(name_of(next), None, "a word of the API is missing: {prefix}");
        }
    }
}
