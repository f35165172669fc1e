//! The words of enumerations in files of regions, compounds, buildings and units.

/// A word of an enumeration: the API's name and number, and what Chinese files write.
#[derive(Debug)]
pub struct Word {
    /// The number in the API.
    pub number: i32,
    /// The name in the API without its prefix.
    pub name: &'static str,
    /// What files write, the usual word first.
    pub chinese: &'static [&'static str],
}

/// A word of an enumeration.
pub(in crate::exchange) const fn word(
    number: i32,
    name: &'static str,
    chinese: &'static [&'static str],
) -> Word {
    Word { number, name, chinese }
}

/// 行政级别
pub static LEVELS: &[Word] = &[
    word(1, "PROVINCE", &["省", "省级", "直辖市", "自治区"]),
    word(2, "CITY", &["市", "地级", "市级", "地级市"]),
    word(3, "DISTRICT", &["区县", "县级", "区", "县", "县级市"]),
    word(4, "STREET", &["街道", "乡级", "镇", "乡", "乡镇"]),
    word(5, "COMMUNITY", &["社区", "村", "居委会", "村委会", "村级"]),
];

/// 管理方式
pub static MANAGEMENTS: &[Word] = &[
    word(1, "COMPANY", &["物业企业", "物业公司", "物业服务企业", "专业物业"]),
    word(2, "SELF", &["业主自管", "自管", "自治管理"]),
    word(3, "COMMUNITY", &["社区代管", "社区托管"]),
    word(4, "WORK_UNIT", &["单位管理", "单位自管"]),
    word(5, "NONE", &["无管理", "无物业", "无"]),
];

/// 结构类型
pub static STRUCTURES: &[Word] = &[
    word(1, "BRICK_CONCRETE", &["砖混", "砖混结构", "混合结构", "砌体结构"]),
    word(2, "BRICK_TIMBER", &["砖木", "砖木结构"]),
    word(3, "TIMBER", &["木结构", "木"]),
    word(
        4,
        "REINFORCED_CONCRETE",
        &["钢筋混凝土", "钢筋混凝土结构", "钢混", "钢混结构", "框架", "框架结构", "剪力墙", "框剪"],
    ),
    word(5, "STEEL", &["钢结构", "钢"]),
    word(6, "STEEL_CONCRETE", &["钢和钢筋混凝土混合", "钢和钢筋混凝土结构", "钢、钢筋混凝土结构"]),
    word(7, "OTHER", &["其他", "其他结构", "其它"]),
];

/// 用途
pub static BUILDING_USES: &[Word] = &[
    word(1, "DWELLING", &["住宅", "居住", "成套住宅"]),
    word(2, "MIXED", &["商住", "商住混合", "综合"]),
    word(3, "COMMERCE", &["商业", "商业用房", "店铺"]),
    word(4, "OFFICE", &["办公"]),
    word(5, "INDUSTRY", &["工业仓储", "工业", "仓储"]),
    word(6, "EDUCATION", &["教育"]),
    word(7, "HEALTH", &["医疗"]),
    word(8, "OTHER", &["其他", "其它"]),
];

/// 保护身份
pub static PROTECTIONS: &[Word] = &[
    word(1, "NONE", &["无", "否"]),
    word(2, "HERITAGE", &["文物保护单位", "文物"]),
    word(3, "HISTORIC", &["历史建筑"]),
    word(4, "TRADITIONAL", &["传统风貌建筑"]),
];

/// 户的用途
pub static UNIT_USES: &[Word] = &[
    word(1, "DWELLING", &["住宅", "居住", "成套住宅"]),
    word(2, "COMMERCE", &["商业", "店铺", "商业用房"]),
    word(3, "OFFICE", &["办公"]),
    word(4, "GARAGE", &["车库", "车位"]),
    word(5, "STORAGE", &["储藏", "储藏室", "地下室"]),
    word(6, "OTHER", &["其他", "其它"]),
];

/// 终止原因
pub static END_CAUSES: &[Word] = &[
    word(1, "DEMOLISHED", &["拆除", "已拆除"]),
    word(2, "DESTROYED", &["灭失", "损毁", "倒塌"]),
    word(3, "MERGED", &["合并", "并入"]),
    word(4, "SPLIT", &["拆分", "分割", "分立"]),
    word(5, "ABOLISHED", &["撤销"]),
    word(6, "OTHER", &["其他", "其它"]),
];

/// 坐标系
pub static SYSTEMS: &[Word] = &[
    word(1, "CGCS2000", &["2000国家大地坐标系", "国家2000", "EPSG:4490"]),
    word(2, "WGS84", &["WGS-84", "EPSG:4326"]),
    word(3, "GCJ02", &["GCJ-02", "火星坐标系", "高德"]),
    word(4, "BD09", &["BD-09", "百度坐标系", "百度"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{
        BuildingUse, CoordinateSystem, EndCause, ManagementMode, Protection, RegionLevel,
        Structure, UnitUse,
    };
    use std::collections::BTreeMap;

    #[test]
    fn words_are_all_the_words_of_the_api_and_unambiguous() {
        fn check(words: &[Word], prefix: &str, name_of: impl Fn(i32) -> Option<&'static str>) {
            let mut seen = BTreeMap::new();
            for word in words {
                assert_eq!(name_of(word.number), Some(format!("{prefix}{}", word.name).as_str()));
                for chinese in word.chinese {
                    assert_eq!(seen.insert(*chinese, word.number), None, "{chinese}");
                }
            }
            let next = i32::try_from(words.len()).unwrap() + 1;
            assert_eq!(name_of(next), None, "a word of the API is missing: {prefix}");
        }
        let name = |found: Option<&'static str>| found;
        check(LEVELS, "REGION_LEVEL_", |n| {
            name(RegionLevel::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(MANAGEMENTS, "MANAGEMENT_MODE_", |n| {
            name(ManagementMode::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(STRUCTURES, "STRUCTURE_", |n| {
            name(Structure::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(BUILDING_USES, "BUILDING_USE_", |n| {
            name(BuildingUse::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(PROTECTIONS, "PROTECTION_", |n| {
            name(Protection::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(UNIT_USES, "UNIT_USE_", |n| name(UnitUse::try_from(n).ok().map(|v| v.as_str_name())));
        check(END_CAUSES, "END_CAUSE_", |n| {
            name(EndCause::try_from(n).ok().map(|v| v.as_str_name()))
        });
        check(SYSTEMS, "COORDINATE_SYSTEM_", |n| {
            name(CoordinateSystem::try_from(n).ok().map(|v| v.as_str_name()))
        });
    }
}
