//! Who may call what, and how far: one table.
//!
//! Every RPC of the server has a row, and a server whose RPCs and rows differ does not start. A
//! call or role that is not here is refused. `docs/permissions.txt` shows the table to people.

use std::collections::BTreeSet;

use crate::auth::actor::{Actor, Regions};
use crate::auth::role::Role;
use crate::kernel::id::RegionId;

/// How far a role may go with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere, whatever the credential's regions are.
    Everything,
    /// In the credential's regions and below.
    OwnRegion,
    /// Only about the caller.
    Caller,
}

/// Where one call of one actor may go: scope and reach, put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// Everywhere.
    Everything,
    /// In these regions and below; nowhere when there are none.
    Regions(&'a BTreeSet<RegionId>),
    /// Only about the caller.
    Caller,
}

/// The role has no part in this call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the role {role} may not call {rpc}")]
pub struct Denied {
    /// The role.
    pub role: Role,
    /// The call.
    pub rpc: String,
}

impl Denied {
    /// The stable reason.
    pub const REASON: &'static str = "ROLE_NOT_PERMITTED";
}

type Grants = &'static [(Role, Scope)];

/// Whoever keeps the record: the bureau, the districts, the operator.
const OFFICES: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
];

/// What moves a region to another parent is not a district's to do.
const CITY: Grants =
    &[(Role::Operator, Scope::Everything), (Role::MunicipalOperator, Scope::OwnRegion)];

/// The offices, and those who go from door to door: they report what they see, and never undo.
const FIELD: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
];

/// Those who may list and search records.
const READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::FundManager, Scope::OwnRegion),
    (Role::Contractor, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who may read a record whose id they have: the readers, and insurers, who quote for a
/// building but do not browse.
const READERS_OF_ONE: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
    (Role::FundManager, Scope::OwnRegion),
    (Role::Contractor, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who see the worklists.
const CASE_READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who see bodies, and whom a signature may be judged for: a body works all over a city,
/// whoever keeps it in a list.
const BODY_READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::Everything),
    (Role::DistrictOperator, Scope::Everything),
    (Role::CommunityCommittee, Scope::Everything),
    (Role::GridWorker, Scope::Everything),
    (Role::InspectionBody, Scope::Everything),
    (Role::AppraisalBody, Scope::Everything),
    (Role::PropertyCompany, Scope::Everything),
    (Role::OwnersCommittee, Scope::Everything),
    (Role::Insurer, Scope::Everything),
    (Role::FundManager, Scope::Everything),
    (Role::Contractor, Scope::Everything),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who see signers, who are people: whoever takes their reports, and the bodies.
const SIGNER_READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::Everything),
    (Role::DistrictOperator, Scope::Everything),
    (Role::InspectionBody, Scope::Everything),
    (Role::AppraisalBody, Scope::Everything),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who ask whether a signature for a building is good.
const SIGNING_JUDGES: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who see what is planned and ordered: the offices, who walks the streets, and the bodies
/// that are asked.
const ORDER_READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who report: the bodies, who walks the streets (patrols only), and the offices.
const REPORTERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
];

/// Those who put another report in the place of one that was judged.
const SUPERSEDERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
];

/// Those who see policies: the offices, who manages or represents the insured, and insurers, each
/// the policies that it is an insurer of.
const POLICY_READERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
    (Role::FundManager, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who are handed the file of a building whose id they have: insurers, who quote for it, and who
/// keeps the record.
const UNDERWRITERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
    (Role::Upward, Scope::Everything),
];

/// Those who say what a policy is: its insurers, and the bureau that keeps the record.
const POLICY_WRITERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
];

/// Those who tell of a loss: who manages or represents the insured, the offices, and insurers who were
/// told themselves.
const CLAIMANTS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
];

/// Those who answer for who suffered a loss: never an insurer, who would accept its own offer.
const ANSWERERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
];

/// Those who say what a disputed loss comes to: never an insurer.
const LOSS_APPRAISERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
];

/// Those who have work done on buildings and say what paid for it.
const WORK_WRITERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::FundManager, Scope::OwnRegion),
];

/// Those who say what they saw: whoever reports, owners' committees, and insurers, whose visits are
/// observations and nothing else.
const OBSERVERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
];

/// Those who have defects repaired, and say how far it has come.
const REPAIRERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::PropertyCompany, Scope::OwnRegion),
    (Role::OwnersCommittee, Scope::OwnRegion),
    (Role::Contractor, Scope::OwnRegion),
];

/// Those who see whether a repair was done: never who has it done as a matter of course.
const VERIFIERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::CommunityCommittee, Scope::OwnRegion),
    (Role::GridWorker, Scope::OwnRegion),
    (Role::InspectionBody, Scope::OwnRegion),
    (Role::AppraisalBody, Scope::OwnRegion),
];

/// Those who may follow the journal: who may take rows away in bulk learns nothing more from it. Of
/// entries out of their reach they get the number and the leaf, so that what they follow has no gaps
/// and is bound by the checkpoints.
const WATCHERS: Grants = EXPORTERS;

/// Those who may take rows away in bulk.
const EXPORTERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::Auditor, Scope::Everything),
];

/// Those who send rows of files: the offices, and insurers, who send rows of their own policies and of
/// nothing else.
const IMPORTERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::OwnRegion),
    (Role::DistrictOperator, Scope::OwnRegion),
    (Role::Insurer, Scope::OwnRegion),
];

/// Those who look after the registry as a whole.
const OVERSEERS: Grants = &[
    (Role::Operator, Scope::Everything),
    (Role::MunicipalOperator, Scope::Everything),
    (Role::Auditor, Scope::Everything),
];

/// Everybody with a credential: the tree, the totals, and what binds the registry to its word.
const ANYBODY: Grants = &every_role(Scope::Everything);

/// Everybody, about themselves.
const ABOUT_ONESELF: Grants = &every_role(Scope::Caller);

const fn every_role(scope: Scope) -> [(Role, Scope); Role::ALL.len()] {
    let mut grants = [(Role::Operator, scope); Role::ALL.len()];
    let mut index = 0;
    while index < grants.len() {
        #[expect(clippy::indexing_slicing, reason = "both arrays have the same length")]
        {
            grants[index] = (Role::ALL[index], scope);
        }
        index += 1;
    }
    grants
}

/// Who may call what, and how far. A call that is not here is refused.
pub const PERMISSIONS: &[(&str, Grants)] = &[
    ("anju.v1.RegionService/CreateRegion", OFFICES),
    ("anju.v1.RegionService/BatchCreateRegions", OFFICES),
    ("anju.v1.RegionService/GetRegion", ANYBODY),
    ("anju.v1.RegionService/ListRegions", ANYBODY),
    ("anju.v1.RegionService/ResolveCode", ANYBODY),
    ("anju.v1.RegionService/ChangeRegion", OFFICES),
    ("anju.v1.RegionService/CorrectRegion", OFFICES),
    ("anju.v1.RegionService/EndRegion", OFFICES),
    ("anju.v1.RegionService/MergeRegions", OFFICES),
    ("anju.v1.RegionService/SplitRegion", OFFICES),
    ("anju.v1.RegionService/TransferRegion", CITY),
    ("anju.v1.RegionService/RetractRegion", OFFICES),
    ("anju.v1.CompoundService/CreateCompound", OFFICES),
    ("anju.v1.CompoundService/BatchCreateCompounds", OFFICES),
    ("anju.v1.CompoundService/GetCompound", READERS_OF_ONE),
    ("anju.v1.CompoundService/ListCompounds", READERS),
    ("anju.v1.CompoundService/ChangeCompound", OFFICES),
    ("anju.v1.CompoundService/CorrectCompound", OFFICES),
    ("anju.v1.CompoundService/EndCompound", OFFICES),
    ("anju.v1.CompoundService/MergeCompounds", OFFICES),
    ("anju.v1.CompoundService/SplitCompound", OFFICES),
    ("anju.v1.CompoundService/RetractCompound", OFFICES),
    ("anju.v1.BuildingService/CreateBuilding", FIELD),
    ("anju.v1.BuildingService/BatchCreateBuildings", OFFICES),
    ("anju.v1.BuildingService/GetBuilding", READERS_OF_ONE),
    ("anju.v1.BuildingService/ListBuildings", READERS),
    ("anju.v1.BuildingService/ChangeBuilding", FIELD),
    ("anju.v1.BuildingService/CorrectBuilding", OFFICES),
    ("anju.v1.BuildingService/EndBuilding", OFFICES),
    ("anju.v1.BuildingService/MergeBuildings", OFFICES),
    ("anju.v1.BuildingService/SplitBuilding", OFFICES),
    ("anju.v1.BuildingService/RetractBuilding", OFFICES),
    ("anju.v1.BuildingService/GetLineage", READERS_OF_ONE),
    ("anju.v1.UnitService/CreateUnit", FIELD),
    ("anju.v1.UnitService/BatchCreateUnits", OFFICES),
    ("anju.v1.UnitService/GetUnit", READERS_OF_ONE),
    ("anju.v1.UnitService/ListUnits", READERS),
    ("anju.v1.UnitService/ChangeUnit", FIELD),
    ("anju.v1.UnitService/CorrectUnit", OFFICES),
    ("anju.v1.UnitService/EndUnit", OFFICES),
    ("anju.v1.UnitService/MergeUnits", OFFICES),
    ("anju.v1.UnitService/SplitUnit", OFFICES),
    ("anju.v1.UnitService/RetractUnit", OFFICES),
    ("anju.v1.BodyService/CreateBody", CITY),
    ("anju.v1.BodyService/GetBody", BODY_READERS),
    ("anju.v1.BodyService/ListBodies", BODY_READERS),
    ("anju.v1.BodyService/ChangeBody", CITY),
    ("anju.v1.BodyService/CorrectBody", CITY),
    ("anju.v1.BodyService/EndBody", CITY),
    ("anju.v1.BodyService/RetractBody", CITY),
    ("anju.v1.BodyService/CreateSigner", CITY),
    ("anju.v1.BodyService/GetSigner", SIGNER_READERS),
    ("anju.v1.BodyService/ListSigners", SIGNER_READERS),
    ("anju.v1.BodyService/ChangeSigner", CITY),
    ("anju.v1.BodyService/CorrectSigner", CITY),
    ("anju.v1.BodyService/EndSigner", CITY),
    ("anju.v1.BodyService/RetractSigner", CITY),
    ("anju.v1.BodyService/JudgeSigning", SIGNING_JUDGES),
    ("anju.v1.ProductService/ListProducts", ANYBODY),
    ("anju.v1.ProductService/GetProduct", ANYBODY),
    ("anju.v1.PolicyService/CreatePolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/BatchCreatePolicies", POLICY_WRITERS),
    ("anju.v1.PolicyService/GetPolicy", POLICY_READERS),
    ("anju.v1.PolicyService/ListPolicies", POLICY_READERS),
    ("anju.v1.PolicyService/ChangePolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/BindPolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/CancelPolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/LapsePolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/CorrectPolicy", POLICY_WRITERS),
    ("anju.v1.PolicyService/RetractPolicy", CITY),
    ("anju.v1.PolicyService/CheckCoverage", POLICY_READERS),
    ("anju.v1.ClaimService/CreateClaim", CLAIMANTS),
    ("anju.v1.ClaimService/GetClaim", POLICY_READERS),
    ("anju.v1.ClaimService/ListClaims", POLICY_READERS),
    ("anju.v1.ClaimService/ChangeClaim", POLICY_WRITERS),
    ("anju.v1.ClaimService/AdvanceClaim", POLICY_WRITERS),
    ("anju.v1.ClaimService/AnswerClaim", ANSWERERS),
    ("anju.v1.ClaimService/AppraiseClaim", LOSS_APPRAISERS),
    ("anju.v1.ClaimService/PayClaim", POLICY_WRITERS),
    ("anju.v1.ClaimService/CorrectClaim", POLICY_WRITERS),
    ("anju.v1.ClaimService/RetractClaim", CITY),
    ("anju.v1.UnderwritingService/GetUnderwritingFile", UNDERWRITERS),
    ("anju.v1.WorkService/CreateWork", WORK_WRITERS),
    ("anju.v1.WorkService/GetWork", POLICY_READERS),
    ("anju.v1.WorkService/ListWorks", POLICY_READERS),
    ("anju.v1.WorkService/ChangeWork", WORK_WRITERS),
    ("anju.v1.WorkService/FundWork", WORK_WRITERS),
    ("anju.v1.WorkService/CorrectWork", WORK_WRITERS),
    ("anju.v1.WorkService/RetractWork", OFFICES),
    ("anju.v1.PlanService/CreatePlan", OFFICES),
    ("anju.v1.PlanService/GetPlan", ORDER_READERS),
    ("anju.v1.PlanService/ListPlans", ORDER_READERS),
    ("anju.v1.PlanService/ChangePlan", OFFICES),
    ("anju.v1.PlanService/CorrectPlan", OFFICES),
    ("anju.v1.PlanService/RetractPlan", OFFICES),
    ("anju.v1.PlanService/CreateOrder", OFFICES),
    ("anju.v1.PlanService/BatchCreateOrders", OFFICES),
    ("anju.v1.PlanService/GetOrder", ORDER_READERS),
    ("anju.v1.PlanService/ListOrders", ORDER_READERS),
    ("anju.v1.PlanService/ChangeOrder", OFFICES),
    ("anju.v1.PlanService/AssignOrder", OFFICES),
    ("anju.v1.PlanService/MoveOrderDeadline", OFFICES),
    ("anju.v1.PlanService/CancelOrder", OFFICES),
    ("anju.v1.PlanService/CorrectOrder", OFFICES),
    ("anju.v1.PlanService/RetractOrder", OFFICES),
    ("anju.v1.ReferenceService/LoadReference", CITY),
    ("anju.v1.ReferenceService/GetReference", ANYBODY),
    ("anju.v1.ReferenceService/ListReferences", ANYBODY),
    ("anju.v1.ReferenceService/DiffReferences", ANYBODY),
    ("anju.v1.ReferenceService/RetractReference", CITY),
    ("anju.v1.InspectionService/RecordReport", REPORTERS),
    ("anju.v1.InspectionService/GetReport", READERS_OF_ONE),
    ("anju.v1.InspectionService/ListReports", READERS),
    ("anju.v1.InspectionService/SignReport", REPORTERS),
    ("anju.v1.InspectionService/SubmitReport", REPORTERS),
    ("anju.v1.InspectionService/AcceptReport", OFFICES),
    ("anju.v1.InspectionService/ReturnReport", OFFICES),
    ("anju.v1.InspectionService/SupersedeReport", SUPERSEDERS),
    ("anju.v1.InspectionService/CorrectReport", OFFICES),
    ("anju.v1.InspectionService/RetractReport", OFFICES),
    ("anju.v1.FindingService/ObserveFinding", OBSERVERS),
    ("anju.v1.FindingService/GetFinding", READERS_OF_ONE),
    ("anju.v1.FindingService/ListFindings", READERS),
    ("anju.v1.FindingService/FollowFinding", OFFICES),
    ("anju.v1.FindingService/ReportRepair", REPAIRERS),
    ("anju.v1.FindingService/VerifyRepair", VERIFIERS),
    ("anju.v1.FindingService/SecureFinding", REPORTERS),
    ("anju.v1.FindingService/MergeFindings", OFFICES),
    ("anju.v1.FindingService/CorrectFinding", OFFICES),
    ("anju.v1.FindingService/RetractFinding", OFFICES),
    ("anju.v1.CaseService/GetCase", CASE_READERS),
    ("anju.v1.CaseService/ListCases", CASE_READERS),
    ("anju.v1.CaseService/AssignCase", OFFICES),
    ("anju.v1.CaseService/SettleCase", OFFICES),
    ("anju.v1.SearchService/Search", READERS),
    ("anju.v1.TotalsService/GetTotals", ANYBODY),
    ("anju.v1.TotalsService/ListTotals", ANYBODY),
    ("anju.v1.TotalsService/GetSeries", ANYBODY),
    ("anju.v1.TotalsService/ExplainTotal", READERS),
    ("anju.v1.DueService/ExplainDue", READERS_OF_ONE),
    ("anju.v1.DueService/ListDue", READERS),
    ("anju.v1.HistoryService/GetHistory", READERS_OF_ONE),
    ("anju.v1.HistoryService/Diff", READERS),
    ("anju.v1.HistoryService/GetCheckpoint", ANYBODY),
    ("anju.v1.HistoryService/GetInclusionProof", READERS_OF_ONE),
    ("anju.v1.HistoryService/GetConsistencyProof", ANYBODY),
    ("anju.v1.WatchService/Watch", WATCHERS),
    ("anju.v1.ImportService/ImportRows", IMPORTERS),
    ("anju.v1.ImportService/ExportRows", EXPORTERS),
    ("anju.v1.RegistryService/GetStatus", OVERSEERS),
    ("anju.v1.RegistryService/WhoAmI", ABOUT_ONESELF),
];

/// How far `role` may go with `rpc` (`package.Service/Method`); `None` when it may not call it.
pub fn allowed(rpc: &str, role: Role) -> Option<Scope> {
    let (_, grants) = PERMISSIONS.iter().find(|(name, _)| *name == rpc)?;
    grants.iter().find(|(granted, _)| *granted == role).map(|(_, scope)| *scope)
}

/// Where `actor` may go with `rpc`: the role's scope within the credential's reach.
pub fn extent<'a>(rpc: &str, actor: &'a Actor) -> Result<Extent<'a>, Denied> {
    match allowed(rpc, actor.role) {
        None => Err(Denied { role: actor.role, rpc: rpc.to_owned() }),
        Some(Scope::Everything) => Ok(Extent::Everything),
        Some(Scope::Caller) => Ok(Extent::Caller),
        Some(Scope::OwnRegion) => Ok(match &actor.reach.regions {
            Regions::All => Extent::Everything,
            Regions::List(regions) => Extent::Regions(regions),
        }),
    }
}

/// Whether the RPCs of the server and the rows of the table are the same.
///
/// On refusal one sentence for every RPC without a row, every row without an RPC and every row that
/// is there twice.
pub fn check_complete(rpcs: &[String]) -> Result<(), Vec<String>> {
    let served: BTreeSet<&str> = rpcs.iter().map(String::as_str).collect();
    let mut rows = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, _) in PERMISSIONS {
        if !rows.insert(*name) {
            wrong.push(format!("{name} has two rows in the permission table"));
        }
    }
    for name in served.difference(&rows) {
        wrong.push(format!("{name} has no row in the permission table"));
    }
    for name in rows.difference(&served) {
        wrong.push(format!("{name} has a row in the permission table and is not served"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

const LEGEND: &str = "\
Who may call what. Generated from src/auth/permission.rs; UPDATE_EXPECT=1 cargo test writes it anew.

  E  everywhere
  R  in the credential's regions and below
  C  only about the caller
  .  not at all

";

/// The table for people: a line for each RPC, a column for each role.
pub fn render() -> String {
    let roles = Role::ALL.map(|role| format!("  {}  {role}\n", role.letters()));
    let width = PERMISSIONS.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let heads = Role::ALL.map(Role::letters).join(" ");
    let rows: Vec<String> = PERMISSIONS
        .iter()
        .map(|(name, _)| {
            let marks = Role::ALL.map(|role| mark(allowed(name, role)));
            format!("{name:width$}   {}", marks.join("   "))
        })
        .collect();
    format!("{LEGEND}{}\n{:width$}  {heads}\n{}\n", roles.concat(), "", rows.join("\n"))
}

const fn mark(scope: Option<Scope>) -> &'static str {
    match scope {
        Some(Scope::Everything) => "E",
        Some(Scope::OwnRegion) => "R",
        Some(Scope::Caller) => "C",
        None => ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::actor::Reach;
    use expect_test::expect_file;

    fn names() -> Vec<String> {
        PERMISSIONS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn actor(role: Role, regions: Regions) -> Actor {
        let reach = Reach { regions, institutions: BTreeSet::new() };
        Actor { subject: "s".to_owned(), person: None, role, institution: None, reach }
    }

    #[test]
    fn the_table_is_the_one_that_people_agreed_to() {
        expect_file!["../../docs/permissions.txt"].assert_eq(&render());
    }

    #[test]
    fn an_rpc_without_a_row_and_a_row_without_an_rpc_are_named() {
        assert_eq!(check_complete(&names()), Ok(()));
        let mut rpcs = names();
        let gone = rpcs.remove(0);
        rpcs.push("anju.v1.NewService/Do".to_owned());
        let wrong = check_complete(&rpcs).unwrap_err();
        assert_eq!(
            wrong,
            [
                "anju.v1.NewService/Do has no row in the permission table".to_owned(),
                format!("{gone} has a row in the permission table and is not served"),
            ]
        );
    }

    #[test]
    fn no_row_names_a_role_twice() {
        for (name, grants) in PERMISSIONS {
            let roles: BTreeSet<Role> = grants.iter().map(|(role, _)| *role).collect();
            assert_eq!(roles.len(), grants.len(), "{name}");
        }
    }

    #[test]
    fn who_only_reads_has_no_part_in_a_write() {
        let verbs = [
            "Create",
            "BatchCreate",
            "Change",
            "Correct",
            "End",
            "Merge",
            "Split",
            "Transfer",
            "Retract",
            "Assign",
            "Load",
            "Move",
            "Cancel",
            "Settle",
            "Import",
        ];
        let writers = [
            Role::Operator,
            Role::MunicipalOperator,
            Role::DistrictOperator,
            Role::CommunityCommittee,
            Role::GridWorker,
        ];
        for (name, grants) in PERMISSIONS {
            let (_, method) = name.split_once('/').unwrap();
            // What a policy is, its insurers say; a loss is told by those who suffered it as well, and
            // work by those who had it done.
            let is_insurers = |role: &Role| match name.split('/').next() {
                // Of rows of files it sends policies only, which is judged row by row.
                Some("anju.v1.PolicyService" | "anju.v1.ImportService") => *role == Role::Insurer,
                Some("anju.v1.ClaimService") => match method {
                    "CreateClaim" => CLAIMANTS.iter().any(|(claimant, _)| claimant == role),
                    _ => *role == Role::Insurer,
                },
                Some("anju.v1.WorkService") => {
                    WORK_WRITERS.iter().any(|(writer, _)| writer == role)
                }
                _ => false,
            };
            if verbs.iter().any(|verb| method.starts_with(verb)) {
                let is_writer =
                    |(role, _): &(Role, Scope)| writers.contains(role) || is_insurers(role);
                assert!(grants.iter().all(is_writer), "{name}");
            }
        }
    }

    #[test]
    fn the_reach_limits_what_the_scope_leaves_to_it() {
        let nowhere = Regions::List(BTreeSet::new());
        let change = "anju.v1.BuildingService/ChangeBuilding";
        let worker = actor(Role::GridWorker, nowhere.clone());
        assert_eq!(extent(change, &worker), Ok(Extent::Regions(&BTreeSet::new())));
        let city = actor(Role::MunicipalOperator, Regions::All);
        assert_eq!(extent(change, &city), Ok(Extent::Everything));
        let operator = actor(Role::Operator, nowhere.clone());
        assert_eq!(extent(change, &operator), Ok(Extent::Everything));
        let anybody = actor(Role::Public, nowhere);
        assert_eq!(extent("anju.v1.RegistryService/WhoAmI", &anybody), Ok(Extent::Caller));
        let denied = extent(change, &anybody).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "the role public may not call anju.v1.BuildingService/ChangeBuilding"
        );
        assert!(extent("anju.v1.BuildingService/Unheard", &operator).is_err());
    }
}
