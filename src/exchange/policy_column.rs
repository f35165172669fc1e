//! The columns of policies, as those of the other kinds are in [`super::column`].

use crate::{
    exchange::column::{By, Column, EXISTS_FROM, FROM, Form, Word, source_of, word},
    kernel::{id::Kind, limit::IDENTIFIER_CHARS_MAX},
};

/// 承保状态
pub static STANDINGS: &[Word] = &[
    word(1, "QUOTED", &["报价"]),
    word(2, "BOUND", &["承保", "已承保"]),
    word(3, "CANCELLED", &["退保", "已退保"]),
    word(4, "LAPSED", &["失效", "已失效"]),
];

/// 受益人
pub static BENEFICIARIES: &[Word] = &[
    word(1, "OWNERS", &["业主"]),
    word(2, "INSURED", &["被保险人"]),
    word(3, "THIRD_PARTIES", &["第三者"]),
];

/// 付款方
pub static PAYERS: &[Word] = &[
    word(1, "GOVERNMENT", &["政府"]),
    word(2, "DEVELOPER", &["建设单位"]),
    word(3, "OWNERS", &["业主"]),
    word(4, "PUBLIC_ACCOUNT", &["公共账户"]),
    word(5, "PROPERTY_COMPANY", &["物业公司", "物业企业"]),
];

/// What a file of policies has.
pub(super) const POLICY_NEEDS: &[&[&str]] = &[&["key"]];

const fn region(name: &'static str, aliases: &'static [&'static str], by: By) -> Column {
    let about = match by {
        By::Id => "The region that it is kept for, by the registry's id.",
        By::Key => "The region, by its key in the same source, or in `region_source`.",
        By::Code => "The region, by its 12-digit statistical code.",
        By::Identifier => "The region, by an outside number: `gbt2260:410102`.",
    };
    let form = Form::Reference(by, |draft| &mut draft.region_of);
    Column::new(name, aliases, "region_id", form, about)
}

const fn objects(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Option<Kind>,
    by: By,
    about: &'static str,
) -> Column {
    let form = Form::Objects(kind, by, |draft| &mut draft.objects);
    let path = match kind {
        Some(Kind::Building) => "objects.building",
        Some(Kind::Compound) => "objects.compound",
        Some(Kind::Unit) => "objects.unit",
        _ => "object_ids",
    };
    Column { path, ..Column::new(name, aliases, "", form, about) }
}

/// Of policies.
pub(super) static POLICY: &[Column] = &[
    region("region_id", &["区划标识"], By::Id),
    region("region_code", &["区划代码", "区划统计代码"], By::Code),
    region("region_key", &["区划编号"], By::Key),
    source_of(
        "region_source",
        &["区划来源"],
        |draft| &mut draft.region_source,
        "The source of `region_key`, when it is not the row's.",
    ),
    region("region_identifier", &["区划外部编号"], By::Identifier),
    Column::new(
        "policy_number",
        &["保单号", "保险单号"],
        "policy_number",
        Form::Text(IDENTIFIER_CHARS_MAX, |draft| &mut draft.policy.policy_number),
        "Its number, unique for its first insurer.",
    ),
    Column::new(
        "product",
        &["保险产品", "险种"],
        "product",
        Form::Text(IDENTIFIER_CHARS_MAX, |draft| &mut draft.policy.product),
        "The product, by its code in the list of products: `IDI`.",
    ),
    Column::new(
        "clause",
        &["条款版本", "条款"],
        "clause",
        Form::Text(IDENTIFIER_CHARS_MAX, |draft| &mut draft.policy.clause),
        "The version of its clause.",
    ),
    Column::new(
        "insurers",
        &["保险人", "承保公司", "共保人"],
        "insurers",
        Form::Insurers(|draft| &mut draft.policy.insurers),
        "Who insures, by opaque keys, each with its share; the first one leads: `P-1 60%|P-2 40%`, \
         `P-1 2/3|P-2 1/3`. One alone needs no share.",
    ),
    Column::new(
        "policyholder",
        &["投保人"],
        "policyholder",
        Form::Text(IDENTIFIER_CHARS_MAX, |draft| &mut draft.policy.policyholder),
        "Who took it out, by an opaque key: never a name of a person.",
    ),
    Column::new(
        "insured",
        &["被保险人"],
        "insured",
        Form::Text(IDENTIFIER_CHARS_MAX, |draft| &mut draft.policy.insured),
        "Who is insured, by an opaque key.",
    ),
    Column::new(
        "beneficiary",
        &["受益人"],
        "beneficiary",
        Form::Word(BENEFICIARIES, |draft| &mut draft.policy.beneficiary),
        "Who has the right to claim.",
    ),
    objects(
        "object_ids",
        &["标的标识", "保险标的标识"],
        None,
        By::Id,
        "What is insured, by the registry's ids: buildings, compounds, units. All columns of objects \
         together are all that is insured.",
    ),
    objects(
        "building_keys",
        &["楼栋编号", "幢编号"],
        Some(Kind::Building),
        By::Key,
        "Insured buildings, by their keys in the same source, or in `object_source`: `B-1|B-2`.",
    ),
    objects(
        "compound_keys",
        &["小区编号"],
        Some(Kind::Compound),
        By::Key,
        "Insured compounds, in the same way.",
    ),
    objects("unit_keys", &["户编号"], Some(Kind::Unit), By::Key, "Insured units, in the same way."),
    source_of(
        "object_source",
        &["标的来源", "楼栋来源"],
        |draft| &mut draft.object_source,
        "The source of the keys of objects, when it is not the row's.",
    ),
    objects(
        "building_identifiers",
        &["楼栋外部编号"],
        Some(Kind::Building),
        By::Identifier,
        "Insured buildings, by outside numbers: `jgjt246:…`.",
    ),
    objects(
        "compound_identifiers",
        &["小区外部编号"],
        Some(Kind::Compound),
        By::Identifier,
        "Insured compounds, by outside numbers.",
    ),
    objects(
        "unit_identifiers",
        &["户外部编号"],
        Some(Kind::Unit),
        By::Identifier,
        "Insured units, by outside numbers: `bdcdyh:…`.",
    ),
    Column::new(
        "covers",
        &["保障项目", "保险责任"],
        "covers",
        Form::Covers(|draft| &mut draft.policy.covers),
        "All its covers, amounts in yuan: the code of the clause's cover, `sum` (保额), and as far as \
         they are said `from` (起), `until` (止), `per_event` (每次), `per_household` (每户), \
         `per_person` (每人), `deductible` (免赔): \
         `STR;sum=1000000;from=2024-01-01;until=2024-12-31;deductible=500|WTR;保额=200000.50`.",
    ),
    Column::new(
        "premiums",
        &["保险费", "保费"],
        "premiums",
        Form::Premiums(|draft| &mut draft.policy.premiums),
        "The premium, part by part: yuan, who pays, and perhaps the account or contract: \
         `15000;DEVELOPER|2000.50;政府;HT-2024-7`.",
    ),
    Column::new(
        "visits_per_year",
        &["每年服务次数", "年服务次数"],
        "visits_per_year",
        Form::Count(0, 366, &["次"], |draft| &mut draft.policy.visits_per_year),
        "Visits a year of the insurer's risk service.",
    ),
    Column::new(
        "policy_standing",
        &["承保状态", "保单状态", "状态"],
        "policy_standing",
        Form::Word(STANDINGS, |draft| &mut draft.policy.policy_standing),
        "Where it stands; without one, what is new is a quotation.",
    ),
    Column::new(
        "bound_on",
        &["承保日期", "签单日期"],
        "",
        Form::ExactDay(|draft| &mut draft.bound_on),
        "Since when it is bound, when that is not the day since which it exists.",
    ),
    Column::new(
        "over_on",
        &["退保日期", "失效日期"],
        "",
        Form::ExactDay(|draft| &mut draft.over_on),
        "Since when it is cancelled or has lapsed.",
    ),
    EXISTS_FROM,
    FROM,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{Beneficiary, PolicyStanding, PremiumPayer};

    #[test]
    fn words_are_all_the_words_of_the_api() {
        type NameOf<'f> = &'f dyn Fn(i32) -> Option<&'static str>;
        let standing = |n| PolicyStanding::try_from(n).ok().map(|v| v.as_str_name());
        let beneficiary = |n| Beneficiary::try_from(n).ok().map(|v| v.as_str_name());
        let payer = |n| PremiumPayer::try_from(n).ok().map(|v| v.as_str_name());
        let all: [(&[Word], &str, NameOf<'_>); 3] = [
            (STANDINGS, "POLICY_STANDING_", &standing),
            (BENEFICIARIES, "BENEFICIARY_", &beneficiary),
            (PAYERS, "PREMIUM_PAYER_", &payer),
        ];
        for (words, prefix, name_of) in all {
            for word in words {
                assert_eq!(name_of(word.number), Some(format!("{prefix}{}", word.name).as_str()));
            }
            let next = i32::try_from(words.len()).unwrap() + 1;
            assert_eq!(name_of(next), None, "a word of the API is missing: {prefix}");
        }
    }
}
