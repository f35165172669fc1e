//! Fields of the API as people read them: English and Chinese names, values with their units.
//!
//! What has no name here is shown by its own: a new field of the API is never hidden.

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, ReflectMessage as _, Value,
};

/// English and Chinese names of fields and measures.
const LABELS: &[(&str, &str, &str)] = &[
    ("address", "address", "地址"),
    ("aliases", "other names", "别名"),
    ("amount_fen", "amount", "金额"),
    ("answered_by_id", "answered by", "完成报告"),
    ("appraised_fen", "appraised", "第三方鉴定"),
    ("approved_fen", "approved", "核赔"),
    ("area_cm2", "area", "建筑面积"),
    ("assessed_fen", "assessed", "定损"),
    ("beneficiary", "beneficiary", "受益人"),
    ("body_id", "body", "机构"),
    ("borne", "borne by each insurer", "各保险人摊付"),
    ("boundary", "boundary", "边界"),
    ("building_id", "building", "楼栋"),
    ("buildings", "buildings", "楼栋"),
    ("buildings_by_colour", "buildings by colour", "楼栋按颜色"),
    ("buildings_by_due_state", "buildings by due state", "楼栋按应检状态"),
    ("buildings_by_grade", "buildings by grade", "楼栋按等级"),
    ("buildings_by_indicator", "buildings by indicator", "楼栋按城市体检指标"),
    ("built", "built", "建成年代"),
    ("cancelled", "cancelled", "是否取消"),
    ("case_ids", "open cases", "待办事项"),
    ("cause", "cause", "原因"),
    ("certificate", "certificate", "证书编号"),
    ("check_ups_of_month", "check-ups of the month", "当月体检"),
    ("claim_amounts_by_stage_fen", "claim amounts by stage", "理赔金额按环节"),
    ("claim_number", "claim number", "赔案号"),
    ("claimant", "claimant", "索赔人"),
    ("claimed_fen", "claimed", "索赔"),
    ("claims_by_cause", "open claims by cause", "未决赔案按原因"),
    ("claims_by_stage", "claims by stage", "赔案按环节"),
    ("clause", "clause", "条款版本"),
    ("codes", "codes", "代码"),
    ("communities", "communities", "社区"),
    ("community_id", "community", "社区"),
    ("companies", "companies", "相关企业"),
    ("company", "company", "企业"),
    ("completed", "completed", "竣工日期"),
    ("compound_id", "compound", "小区"),
    ("compounds", "compounds", "小区"),
    ("cost_fen", "cost", "费用"),
    ("cover", "cover", "保障项目"),
    ("covers", "covers", "保障项目"),
    ("deadline", "deadline", "期限"),
    ("deductible_fen", "deductible", "免赔额"),
    ("design_life_years", "design life", "设计使用年限"),
    ("dimensions", "dimensions", "维度"),
    ("documents", "papers", "附件"),
    ("done", "done", "内容"),
    ("doubts", "doubts", "存疑"),
    ("edition", "edition", "版次"),
    ("employments", "employments", "受聘"),
    ("ended_on", "ended on", "终止日期"),
    ("entrance", "entrance", "单元"),
    ("entries_in_doubt", "entries in doubt", "存疑记录"),
    ("etag", "etag", "版本"),
    ("event_key", "event", "事故"),
    ("exists_from", "exists from", "起始日期"),
    ("finding_ids", "findings", "问题"),
    ("findings_by_stage", "findings by stage", "问题按处理阶段"),
    ("floor", "floor", "楼层"),
    ("floor_area_cm2", "floor area", "建筑面积"),
    ("from", "from", "起"),
    ("funded_fen", "paid for it", "已付"),
    ("grades", "grades", "等级"),
    ("head", "head", "表头"),
    ("height_cm", "height", "高度"),
    ("household_key", "household", "户"),
    ("id", "id", "编号"),
    ("identifiers", "outside numbers", "外部编号"),
    ("insured", "insured", "被保险人"),
    ("insured_buildings_by_part", "insured buildings by part", "在保楼栋按部位"),
    ("insured_buildings_by_product", "insured buildings by product", "在保楼栋按险种"),
    ("insured_units_by_part", "insured units by part", "在保户数按部位"),
    ("insured_units_by_product", "insured units by product", "在保户数按险种"),
    ("insurers", "insurers", "保险人"),
    ("interests", "interests", "利害关系"),
    ("kind", "kind", "类别"),
    ("level", "level", "级别"),
    ("life", "life", "存续"),
    ("lift_count", "lifts", "电梯数"),
    ("location", "location", "位置"),
    ("logical_buildings", "logical buildings", "逻辑幢"),
    ("losses_by_product_fen", "paid less recovered by product", "已付减追偿按险种"),
    ("lost_on", "lost on", "出险日"),
    ("management", "management", "管理方式"),
    ("name", "name", "名称"),
    ("notes", "notes", "说明"),
    ("number", "number", "房号"),
    ("object_ids", "objects", "保险标的"),
    ("open_claims_by_notice_age", "open claims by days since the notice", "未决赔案按报案天数"),
    ("open_findings_by_class", "open findings by class", "未销号问题按类别"),
    (
        "open_findings_by_notice_age",
        "open findings by days since the notice",
        "未销号问题按通知天数",
    ),
    ("open_findings_by_severity", "open findings by severity", "未销号问题按严重程度"),
    ("overdue_findings_by_severity", "overdue findings by severity", "逾期问题按严重程度"),
    ("order_id", "order", "任务"),
    ("paid_fen", "paid", "已付"),
    ("parent_id", "parent", "上级"),
    ("part", "part", "部位"),
    ("payer", "payer", "付款方"),
    ("payment_reference", "payment reference", "付款编号"),
    ("per_event_fen", "per event", "每次事故限额"),
    ("per_household_fen", "per household", "每户限额"),
    ("per_person_fen", "per person", "每人限额"),
    ("person_key", "person", "人员"),
    ("physical_id", "physical building", "所在物理幢"),
    ("plan_id", "plan", "体检计划"),
    ("policy_id", "policy", "保单"),
    ("policies_by_state", "policies by state", "保单按状态"),
    ("policy_number", "policy number", "保单号"),
    ("policy_standing", "said to be", "承保状态"),
    ("policyholder", "policyholder", "投保人"),
    ("premium_by_payer_fen", "premium written by payer", "已签保费按付款方"),
    ("premium_by_product_fen", "premium written by product", "已签保费按险种"),
    ("premiums", "premium", "保险费"),
    ("product", "product", "保险产品"),
    ("protection", "protection", "保护身份"),
    ("qualifications", "licences", "资质"),
    ("recovered_fen", "recovered", "追偿"),
    ("region_id", "region", "区划"),
    ("report_ids", "reports", "报告"),
    ("reserved_fen", "reserved", "准备金"),
    ("scope", "scope", "范围"),
    ("share", "share", "份额"),
    ("source", "source", "来源"),
    ("standing", "standing", "效力"),
    ("state", "state", "状态"),
    ("storeys_above", "storeys above ground", "地上层数"),
    ("storeys_below", "storeys below ground", "地下层数"),
    ("structure", "structure", "结构类型"),
    ("sum_insured_by_product_fen", "sum insured by product", "保险金额按险种"),
    ("sum_insured_fen", "sum insured", "保险金额"),
    ("suspensions", "suspended", "暂停"),
    ("table", "table", "表"),
    ("text", "text", "原文"),
    ("title", "title", "标题"),
    ("triggers_appraisal", "asks for an appraisal", "触发鉴定"),
    ("unit_area_cm2", "area of units", "户面积"),
    ("unit_id", "unit", "户"),
    ("units", "units", "户"),
    ("until", "until", "止"),
    ("use", "use", "用途"),
    ("visits_per_year", "visits a year", "每年服务次数"),
    ("year", "year", "年度"),
];

/// Chinese names of the values of enumerations.
const CHINESE: &[(&str, &str)] = &[
    ("BENEFICIARY_INSURED", "被保险人"),
    ("BENEFICIARY_OWNERS", "业主"),
    ("BENEFICIARY_THIRD_PARTIES", "第三者"),
    ("BUILDING_USE_COMMERCE", "商业"),
    ("BUILDING_USE_DWELLING", "住宅"),
    ("BUILDING_USE_EDUCATION", "教育"),
    ("BUILDING_USE_HEALTH", "医疗"),
    ("BUILDING_USE_INDUSTRY", "工业仓储"),
    ("BUILDING_USE_MIXED", "商住"),
    ("BUILDING_USE_OFFICE", "办公"),
    ("BUILDING_USE_OTHER", "其他"),
    ("CASE_OUTCOME_CORRECTED", "已更正"),
    ("CASE_OUTCOME_STANDS", "维持"),
    ("CASE_OUTCOME_UNFOUNDED", "不成立"),
    ("CASE_STATE_ASSIGNED", "已分派"),
    ("CASE_STATE_CLEARED", "已消除"),
    ("CASE_STATE_OPEN", "待处理"),
    ("CASE_STATE_SETTLED", "已办结"),
    ("CLAIM_STAGE_ACCEPTED", "业主已确认"),
    ("CLAIM_STAGE_APPRAISED", "已鉴定"),
    ("CLAIM_STAGE_APPROVED", "已核赔"),
    ("CLAIM_STAGE_CHECKED", "已核查保险责任"),
    ("CLAIM_STAGE_CLOSED", "已结案"),
    ("CLAIM_STAGE_DECLINED", "已拒赔"),
    ("CLAIM_STAGE_DISPUTED", "争议中"),
    ("CLAIM_STAGE_NOTICED", "已报案"),
    ("CLAIM_STAGE_PAID", "已支付"),
    ("CLAIM_STAGE_RECOURSE", "追偿中"),
    ("CLAIM_STAGE_REGISTERED", "已立案"),
    ("CLAIM_STAGE_REOPENED", "已重开"),
    ("CLAIM_STAGE_RESERVED", "已提准备金"),
    ("CLAIM_STAGE_SETTLING", "维修或现金赔付中"),
    ("CLAIM_STAGE_SURVEYED", "已定损"),
    ("CLAIM_STAGE_WITHDRAWN", "已撤案"),
    ("CLAUSE_TRIGGER_LOSS", "损失发生日"),
    ("CLAUSE_TRIGGER_NOTICE", "报案日"),
    ("COVERAGE_ANSWER_NO", "不承担"),
    ("COVERAGE_ANSWER_UNKNOWN", "不明"),
    ("COVERAGE_ANSWER_YES", "承担"),
    ("DUE_ANSWER_DUE", "应检"),
    ("DUE_ANSWER_ENDED", "楼栋已不存在"),
    ("DUE_ANSWER_EXEMPT", "暂免"),
    ("DUE_ANSWER_NOT_THERE", "楼栋不存在"),
    ("DUE_ANSWER_NO_RULES", "未加载规则"),
    ("DUE_ANSWER_PART_OF_ANOTHER", "随所属幢体检"),
    ("DUE_ANSWER_UNKNOWN", "不明"),
    ("EMERGENCY_MEASURE_EVACUATION", "撤离"),
    ("EMERGENCY_MEASURE_FENCE", "围挡"),
    ("EMERGENCY_MEASURE_OUT_OF_USE", "停用"),
    ("EMERGENCY_MEASURE_PROPPING", "支撑"),
    ("END_CAUSE_ABOLISHED", "撤销"),
    ("END_CAUSE_DEMOLISHED", "拆除"),
    ("END_CAUSE_DESTROYED", "灭失"),
    ("END_CAUSE_MERGED", "合并"),
    ("END_CAUSE_OTHER", "其他"),
    ("END_CAUSE_SPLIT", "拆分"),
    ("FINDING_STAGE_CLOSED", "已销号"),
    ("FINDING_STAGE_NOTIFIED", "已通知"),
    ("FINDING_STAGE_OBJECT_GONE", "标的灭失"),
    ("FINDING_STAGE_OPEN", "待处理"),
    ("FINDING_STAGE_PLANNED", "已有方案"),
    ("FINDING_STAGE_REPORTED_FIXED", "报称完成"),
    ("FINDING_STAGE_UNDER_REPAIR", "整改中"),
    ("FINDING_STAGE_VERIFIED", "已核验"),
    ("FINDING_STAGE_WAIVED", "免于整改"),
    ("FUNDING_SOURCE_CLAIM", "保险理赔"),
    ("FUNDING_SOURCE_FUND", "维修资金"),
    ("FUNDING_SOURCE_OWNER", "业主"),
    ("FUNDING_SOURCE_SUBSIDY", "补贴"),
    ("FUNDING_SOURCE_WARRANTY", "保修"),
    ("GRADE_ASPECT_RELIABILITY", "可靠性"),
    ("GRADE_ASPECT_SAFETY", "安全性"),
    ("GRADE_ASPECT_SERVICEABILITY", "使用性"),
    ("GRADE_ASPECT_WHOLE", "综合"),
    ("GRADE_SCALE_COLOUR", "颜色码"),
    ("GRADE_SCALE_CONDITION", "完损"),
    ("GRADE_SCALE_DANGEROUS_HOUSE", "危险房屋"),
    ("GRADE_SCALE_RELIABILITY", "可靠性"),
    ("GRADE_SCALE_SURVEY", "排查"),
    ("GRADE_SCOPE_APPRAISAL_UNIT", "鉴定单元"),
    ("GRADE_SCOPE_BUILDING", "整幢"),
    ("GRADE_SCOPE_MEMBER", "构件"),
    ("GRADE_SCOPE_SUB_UNIT", "子单元"),
    ("MANAGEMENT_MODE_COMMUNITY", "社区代管"),
    ("MANAGEMENT_MODE_COMPANY", "物业企业"),
    ("MANAGEMENT_MODE_NONE", "无管理"),
    ("MANAGEMENT_MODE_SELF", "业主自管"),
    ("MANAGEMENT_MODE_WORK_UNIT", "单位管理"),
    ("OBSERVATION_SOURCE_INSPECTOR", "体检人员"),
    ("OBSERVATION_SOURCE_INSURER", "保险机构巡检"),
    ("OBSERVATION_SOURCE_OWNER", "业主报告"),
    ("OBSERVATION_SOURCE_SENSOR", "传感器报警"),
    ("OBSERVATION_SOURCE_PATROL", "巡查"),
    ("ORDER_STATE_CANCELLED", "已取消"),
    ("ORDER_STATE_DONE", "已完成"),
    ("ORDER_STATE_ORDERED", "已委托"),
    ("ORDER_STATE_PLANNED", "已列入计划"),
    ("PAYER_PUBLIC_ACCOUNT", "公共账户"),
    ("PAYER_RESPONSIBLE_PARTY", "房屋使用安全责任人"),
    ("POLICY_STANDING_BOUND", "承保"),
    ("POLICY_STANDING_CANCELLED", "退保"),
    ("POLICY_STANDING_LAPSED", "失效"),
    ("POLICY_STANDING_QUOTED", "报价"),
    ("POLICY_STATE_BOUND", "已承保未生效"),
    ("POLICY_STATE_CANCELLED", "已退保"),
    ("POLICY_STATE_EXPIRED", "已满期"),
    ("POLICY_STATE_IN_FORCE", "有效"),
    ("POLICY_STATE_LAPSED", "已失效"),
    ("POLICY_STATE_QUOTED", "报价"),
    ("POLICY_STATE_UNKNOWN", "不明"),
    ("PREMIUM_PAYER_DEVELOPER", "建设单位"),
    ("PREMIUM_PAYER_GOVERNMENT", "政府"),
    ("PREMIUM_PAYER_OWNERS", "业主"),
    ("PREMIUM_PAYER_PROPERTY_COMPANY", "物业企业"),
    ("PREMIUM_PAYER_PUBLIC_ACCOUNT", "公共账户"),
    ("PRESENCE_ENDED", "已终止"),
    ("PRESENCE_ENTERED_IN_ERROR", "误录"),
    ("PRESENCE_EXISTS", "存续"),
    ("PRESENCE_NOT_YET", "尚未存在"),
    ("PRESENCE_UNKNOWN", "不明"),
    ("PRODUCT_LINE_CATASTROPHE", "巨灾保险"),
    ("PRODUCT_LINE_EXISTING_BUILDING", "房屋安全保险"),
    ("PRODUCT_LINE_INHERENT_DEFECTS", "工程质量潜在缺陷保险"),
    ("PRODUCT_LINE_LIABILITY", "责任保险"),
    ("PRODUCT_LINE_RESIDENTS", "城镇居民住房保险"),
    ("PROTECTION_HERITAGE", "文物保护单位"),
    ("PROTECTION_HISTORIC", "历史建筑"),
    ("PROTECTION_NONE", "无"),
    ("PROTECTION_TRADITIONAL", "传统风貌建筑"),
    ("REFERENCE_STANDING_DRAFT", "征求意见稿"),
    ("REFERENCE_STANDING_EXAMPLE", "示例"),
    ("REFERENCE_STANDING_IN_FORCE", "施行"),
    ("REGION_LEVEL_CITY", "地级"),
    ("REGION_LEVEL_COMMUNITY", "社区"),
    ("REGION_LEVEL_DISTRICT", "县级"),
    ("REGION_LEVEL_PROVINCE", "省级"),
    ("REGION_LEVEL_STREET", "乡级"),
    ("REPORT_DOUBT_CERTAIN", "存疑"),
    ("REPORT_DOUBT_NONE", "无疑问"),
    ("REPORT_DOUBT_POSSIBLE", "或有疑问"),
    ("REPORT_KIND_APPRAISAL", "鉴定"),
    ("REPORT_KIND_CHECK_UP", "定期体检"),
    ("REPORT_KIND_PATROL", "日常巡查"),
    ("REPORT_KIND_SPECIAL_CHECK", "专项检查"),
    ("REPORT_STATE_ACCEPTED", "已验收"),
    ("REPORT_STATE_DRAFTED", "草稿"),
    ("REPORT_STATE_RETURNED", "已退回"),
    ("REPORT_STATE_SIGNED", "已签字"),
    ("REPORT_STATE_SUBMITTED", "已提交"),
    ("REPORT_STATE_SUPERSEDED", "已被替代"),
    ("SETTLEMENT_CASH", "现金赔付"),
    ("SETTLEMENT_REPAIR", "维修"),
    ("SEVERITY_REPAIR_BY", "限期整改"),
    ("SEVERITY_UNSAFE", "危险"),
    ("SEVERITY_WATCH", "观察"),
    ("SIGNING_ANSWER_NO", "无效"),
    ("SIGNING_ANSWER_UNKNOWN", "不明"),
    ("SIGNING_ANSWER_YES", "有效"),
    ("STRUCTURE_BRICK_CONCRETE", "砖混"),
    ("STRUCTURE_BRICK_TIMBER", "砖木"),
    ("STRUCTURE_OTHER", "其他"),
    ("STRUCTURE_REINFORCED_CONCRETE", "钢筋混凝土"),
    ("STRUCTURE_STEEL", "钢结构"),
    ("STRUCTURE_STEEL_CONCRETE", "钢和钢筋混凝土混合"),
    ("STRUCTURE_TIMBER", "木结构"),
    ("UNIT_USE_COMMERCE", "商业"),
    ("UNIT_USE_DWELLING", "住宅"),
    ("UNIT_USE_GARAGE", "车库"),
    ("UNIT_USE_OFFICE", "办公"),
    ("UNIT_USE_OTHER", "其他"),
    ("UNIT_USE_STORAGE", "储藏"),
];

/// The name of a field for people, with its unit: `floor area 建筑面积 m²`.
pub fn label(field: &str) -> String {
    let (head, tail) =
        field.split_once('.').map_or((field, None), |(head, tail)| (head, Some(tail)));
    let mut text = match LABELS.iter().find(|(name, ..)| *name == head) {
        Some((_, english, chinese)) => format!("{english} {chinese}"),
        None => head.replace('_', " "),
    };
    if let Some(tail) = tail {
        text = format!("{text} {tail}");
    }
    match unit(head) {
        Some((unit, _)) => format!("{text} {unit}"),
        None => text,
    }
}

/// The unit in which people read a field, and how many decimal places its stored unit is below it.
pub fn unit(field: &str) -> Option<(&'static str, usize)> {
    if field.ends_with("_cm2") {
        Some(("m²", 4))
    } else if field.ends_with("_fen") {
        Some(("yuan 元", 2))
    } else if field.ends_with("_cm") {
        Some(("m", 2))
    } else {
        None
    }
}

/// A number of a field in the unit that people read: 123456 of `floor_area_cm2` is `12.3456`.
pub fn amount(field: &str, number: i64) -> String {
    let Some((_, places)) = unit(field) else { return number.to_string() };
    let digits = format!("{:0width$}", number.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let fraction = fraction.trim_end_matches('0');
    let sign = if number < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A value that came as text, in the unit that people read.
pub fn text_amount(field: &str, value: &str) -> String {
    match (unit(field), value.parse()) {
        (Some(_), Ok(number)) => amount(field, number),
        _ => words(field, value).unwrap_or_else(|| value.to_owned()),
    }
}

/// A value of an enumeration that came as text, as words: `brick concrete 砖混`.
fn words(field: &str, value: &str) -> Option<String> {
    let enumerations: &[&str] = match field {
        "level" => &["REGION_LEVEL"],
        "management" => &["MANAGEMENT_MODE"],
        "protection" => &["PROTECTION"],
        "structure" => &["STRUCTURE"],
        // Units share their words with buildings, and have some of their own.
        "use" => &["BUILDING_USE", "UNIT_USE"],
        _ => return None,
    };
    let chinese = enumerations.iter().find_map(|of| chinese_of(&format!("{of}_{value}")))?;
    Some(format!("{} {chinese}", value.to_ascii_lowercase().replace('_', " ")))
}

/// A value of an enumeration as words: `brick concrete 砖混`; `None` when nothing was said.
pub fn enum_words(of: &EnumDescriptor, number: i32) -> Option<String> {
    if number == 0 {
        return None;
    }
    let Some(value) = of.get_value(number) else { return Some(number.to_string()) };
    let words = short_name(of, value.name()).to_ascii_lowercase().replace('_', " ");
    Some(match chinese_of(value.name()) {
        Some(chinese) => format!("{words} {chinese}"),
        None => words,
    })
}

/// The name of a value without the enumeration's own: `BRICK_CONCRETE`.
pub fn short_name<'a>(of: &EnumDescriptor, name: &'a str) -> &'a str {
    let none = of.default_value();
    let prefix = none.name().strip_suffix("UNSPECIFIED").unwrap_or_default();
    name.strip_prefix(prefix).unwrap_or(name)
}

/// The Chinese name of a value of an enumeration.
pub fn chinese_of(value: &str) -> Option<&'static str> {
    CHINESE.iter().find(|(name, _)| *name == value).map(|(_, chinese)| *chinese)
}

/// All that was said of a subject: label and value, in the order of the field numbers.
pub fn said(fields: &DynamicMessage) -> Vec<(String, String)> {
    let mut said: Vec<_> = fields.fields().collect();
    said.sort_by_key(|(field, _)| field.number());
    said.into_iter()
        .filter_map(|(field, value)| Some((label(field.name()), show(&field, value)?)))
        .collect()
}

/// A value as people read it; `None` when there is nothing to show.
pub fn show(field: &FieldDescriptor, value: &Value) -> Option<String> {
    if let Value::List(values) = value {
        let shown: Vec<_> = values.iter().filter_map(|value| show_one(field, value)).collect();
        return (!shown.is_empty()).then(|| shown.join("\n"));
    }
    show_one(field, value)
}

fn show_one(field: &FieldDescriptor, value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(true) => "yes 是".to_owned(),
        Value::Bool(false) => "no 否".to_owned(),
        Value::I32(number) => amount(field.name(), i64::from(*number)),
        Value::U32(number) => amount(field.name(), i64::from(*number)),
        Value::I64(number) => amount(field.name(), *number),
        Value::U64(number) => match i64::try_from(*number) {
            Ok(number) => amount(field.name(), number),
            Err(_) => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(of) => return enum_words(&of, *number),
            _ => number.to_string(),
        },
        Value::Message(message) => show_message(message),
        // Nothing of the API that people read is of another type.
        _ => return None,
    })
}

fn show_message(message: &DynamicMessage) -> String {
    let text = |name: &str| shown(message, name).unwrap_or_default();
    match message.descriptor().name() {
        "Identifier" => format!("{}:{}", text("scheme"), text("value")),
        "FieldDoubt" => format!("{}: {}", text("field"), text("sentence")),
        "Location" => format!("{}:{},{}", text("system"), text("longitude"), text("latitude")),
        "Boundary" => {
            let count = message.get_field_by_name("vertices");
            let count = count.as_ref().and_then(|value| value.as_list()).map_or(0, <[Value]>::len);
            format!("{}: {count} vertices", text("system"))
        }
        _ => {
            let pairs: Vec<_> = said(message)
                .into_iter()
                .map(|(label, value)| format!("{label}: {value}"))
                .collect();
            pairs.join(", ")
        }
    }
}

/// A field of a message as people read it.
pub fn shown(message: &DynamicMessage, name: &str) -> Option<String> {
    let field = message.descriptor().get_field_by_name(name)?;
    show(&field, &message.get_field(&field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::POOL;

    #[test]
    fn amounts_are_read_in_metres_and_lose_nothing() {
        assert_eq!(amount("floor_area_cm2", 12_345_678), "1234.5678");
        assert_eq!(amount("floor_area_cm2", 10_000), "1");
        assert_eq!(amount("floor_area_cm2", 1), "0.0001");
        assert_eq!(amount("floor_area_cm2", -15_000), "-1.5");
        assert_eq!(amount("height_cm", 2_105), "21.05");
        assert_eq!(amount("units", 36), "36");
        assert_eq!(amount("sum_insured_fen", 400_000_001), "4000000.01");
        assert_eq!(amount("area_cm2", i64::MIN), "-922337203685477.5808");
        assert_eq!(label("floor_area_cm2"), "floor area 建筑面积 m²");
        assert_eq!(label("identifiers.census"), "outside numbers 外部编号 census");
        assert_eq!(label("brand_new_field"), "brand new field");
    }

    #[test]
    fn money_is_shown_in_yuan_and_not_in_fen() {
        let of = POOL.get_message_by_name("anju.v1.PolicyCover").unwrap();
        let field = of.get_field_by_name("sum_insured_fen").unwrap();
        assert_eq!(show(&field, &Value::U64(400_000_001)).as_deref(), Some("4000000.01"));
    }

    #[test]
    fn every_field_and_value_that_people_see_has_a_chinese_name() {
        let kinds = [
            "RegionFields",
            "CompoundFields",
            "BuildingFields",
            "UnitFields",
            "BodyFields",
            "SignerFields",
            "PlanFields",
            "OrderFields",
            "ReferenceFields",
            "ReferenceHead",
            "Qualification",
            "Interest",
            "Employment",
            "ReportFields",
            "PolicyFields",
        ];
        for kind in kinds {
            let message = POOL.get_message_by_name(&format!("anju.v1.{kind}")).unwrap();
            for field in message.fields() {
                let known = LABELS.iter().any(|(name, ..)| *name == field.name());
                assert!(known, "{kind}.{}", field.name());
            }
        }
        let plain = [
            "CodeAnswer",
            "CoordinateSystem",
            "DiffSide",
            "ExportKind",
            "RowMode",
            "RowOutcome",
            "SubjectKind",
        ];
        for of in POOL.all_enums().filter(|of| of.package_name() == "anju.v1") {
            for value in of.values().filter(|value| value.number() != 0) {
                let known = chinese_of(value.name()).is_some() || plain.contains(&of.name());
                assert!(known, "{}", value.name());
            }
        }
    }
}
