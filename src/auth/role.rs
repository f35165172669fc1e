//! The roles: what a credential is for.
//!
//! The names are written in token files, in entries and in answers. Append only: a name is never
//! changed or given another meaning.

use std::{fmt, str::FromStr};

/// What the holder of a credential is to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Administers the registry itself.
    Operator,
    /// 住建局: the city's housing bureau.
    MunicipalOperator,
    /// 区县、街道: a district or street.
    DistrictOperator,
    /// 社区: a community committee.
    CommunityCommittee,
    /// 网格员: a grid worker.
    GridWorker,
    /// 检测机构: an inspection body.
    InspectionBody,
    /// 鉴定机构: an appraisal body.
    AppraisalBody,
    /// 物业公司: a property company.
    PropertyCompany,
    /// 业主委员会: an owners' committee.
    OwnersCommittee,
    /// 业主: an owner, for what is their own.
    Owner,
    /// 保险公司: an insurer.
    Insurer,
    /// 资金管理机构: a fund manager.
    FundManager,
    /// 银行: a bank.
    Bank,
    /// 施工单位: a contractor.
    Contractor,
    /// 审计、纪检: an auditor, who reads everything and writes nothing.
    Auditor,
    /// 部、省: a level of government above the city.
    Upward,
    /// 公众: anybody.
    Public,
}

impl Role {
    /// Every role, in the order in which tables show them.
    pub const ALL: [Self; 17] = [
        Self::Operator,
        Self::MunicipalOperator,
        Self::DistrictOperator,
        Self::CommunityCommittee,
        Self::GridWorker,
        Self::InspectionBody,
        Self::AppraisalBody,
        Self::PropertyCompany,
        Self::OwnersCommittee,
        Self::Owner,
        Self::Insurer,
        Self::FundManager,
        Self::Bank,
        Self::Contractor,
        Self::Auditor,
        Self::Upward,
        Self::Public,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::MunicipalOperator => "municipal_operator",
            Self::DistrictOperator => "district_operator",
            Self::CommunityCommittee => "community_committee",
            Self::GridWorker => "grid_worker",
            Self::InspectionBody => "inspection_body",
            Self::AppraisalBody => "appraisal_body",
            Self::PropertyCompany => "property_company",
            Self::OwnersCommittee => "owners_committee",
            Self::Owner => "owner",
            Self::Insurer => "insurer",
            Self::FundManager => "fund_manager",
            Self::Bank => "bank",
            Self::Contractor => "contractor",
            Self::Auditor => "auditor",
            Self::Upward => "upward",
            Self::Public => "public",
        }
    }

    /// Three letters for the head of a table.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Operator => "opr",
            Self::MunicipalOperator => "mun",
            Self::DistrictOperator => "dis",
            Self::CommunityCommittee => "com",
            Self::GridWorker => "grd",
            Self::InspectionBody => "ins",
            Self::AppraisalBody => "app",
            Self::PropertyCompany => "pro",
            Self::OwnersCommittee => "oco",
            Self::Owner => "own",
            Self::Insurer => "isr",
            Self::FundManager => "fnd",
            Self::Bank => "bnk",
            Self::Contractor => "con",
            Self::Auditor => "aud",
            Self::Upward => "upw",
            Self::Public => "pub",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No role has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no role has this name; the roles are {}", names())]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(UnknownRole)
    }
}

fn names() -> String {
    Role::ALL.map(Role::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::author::Author;
    use expect_test::expect;

    #[test]
    fn offices_put_on_record_what_others_do() {
        let is_of_office = |role: &Role| {
            Author { role: role.name().to_owned(), ..Author::default() }.is_of_office()
        };
        let offices = Role::ALL.into_iter().filter(is_of_office).map(Role::name);
        expect![
            "operator, municipal_operator, district_operator, community_committee, grid_worker"
        ]
        .assert_eq(&offices.collect::<Vec<_>>().join(", "));
    }

    #[test]
    fn every_role_reads_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>(), Ok(role));
            assert_eq!(role.letters().len(), 3);
        }
        assert_eq!("Operator".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn the_names_are_what_they_always_were() {
        expect![[
            "operator, municipal_operator, district_operator, community_committee, grid_worker, inspection_body, appraisal_body, property_company, owners_committee, owner, insurer, fund_manager, bank, contractor, auditor, upward, public"
        ]]
        .assert_eq(&names());
    }
}
