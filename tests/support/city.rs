//! A small city, made over gRPC: everything that a building needs above it.

use anju::{
    client::Connection,
    kernel::id::SubjectId,
    proto::v1::{
        Amount, Building, BuildingFields, CompoundFields, CreateBuildingRequest,
        CreateCompoundRequest, CreateRegionRequest, GetTotalsRequest, Identifier,
        ListBuildingsRequest, RegionFields, RegionLevel, WriteContext,
    },
};
use tonic::Status;

/// The ids of a province, a city with a partition of its own, and one region of each level below,
/// with a compound in the last.
pub(crate) struct City {
    pub(crate) partition: u32,
    pub(crate) id: String,
    pub(crate) community: String,
    pub(crate) compound: String,
}

impl City {
    pub(crate) async fn found(connection: &Connection) -> Self {
        let province = region(connection, RegionLevel::Province, "河南省", None).await;
        let id = region(connection, RegionLevel::City, "郑州市", Some(&province)).await;
        let district = region(connection, RegionLevel::District, "金水区", Some(&id)).await;
        let street = region(connection, RegionLevel::Street, "经八路街道", Some(&district)).await;
        let community =
            region(connection, RegionLevel::Community, "纬五路社区", Some(&street)).await;
        let request = CreateCompoundRequest {
            context: Some(context()),
            fields: Some(CompoundFields {
                name: Some("向阳小区".to_owned()),
                community_id: Some(community.clone()),
                ..CompoundFields::default()
            }),
            exists_from: "1980".to_owned(),
        };
        let answer = connection.compounds().create_compound(request).await.unwrap().into_inner();
        let compound = answer.compound.unwrap().id;
        let partition = community.parse::<SubjectId>().unwrap().partition().number();
        Self { partition, id, community, compound }
    }

    /// Everything that is listed of the compound, page by page.
    pub(crate) async fn buildings(&self, connection: &Connection) -> Result<Vec<Building>, Status> {
        let mut client = connection.buildings();
        let mut request = ListBuildingsRequest {
            compound_id: self.compound.clone(),
            page_size: 500,
            ..ListBuildingsRequest::default()
        };
        let mut buildings = Vec::new();
        loop {
            let page = client.list_buildings(request.clone()).await?.into_inner();
            buildings.extend(page.buildings);
            if page.next_page_token.is_empty() {
                return Ok(buildings);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The city's totals: buildings and their floor area in square centimetres.
    pub(crate) async fn totals(&self, connection: &Connection) -> Result<[i64; 2], Status> {
        let request = GetTotalsRequest { subject_id: self.id.clone(), ..Default::default() };
        let amounts = connection.totals().get_totals(request).await?.into_inner().amounts;
        Ok(["buildings", "floor_area_cm2"].map(|measure| total(&amounts, measure)))
    }
}

/// The sum of what is certain of a measure.
fn total(amounts: &[Amount], measure: &str) -> i64 {
    let of_measure = amounts.iter().filter(|amount| amount.measure == measure);
    of_measure.map(|amount| amount.certain).sum()
}

async fn region(
    connection: &Connection,
    level: RegionLevel,
    name: &str,
    parent: Option<&str>,
) -> String {
    let codes = match level {
        RegionLevel::City => vec![code("410100")],
        RegionLevel::District => vec![code("410102")],
        _ => Vec::new(),
    };
    let request = CreateRegionRequest {
        context: Some(context()),
        fields: Some(RegionFields {
            level: level.into(),
            name: Some(name.to_owned()),
            parent_id: parent.map(str::to_owned),
            codes,
            ..RegionFields::default()
        }),
        exists_from: "<2023-07-01".to_owned(),
        opens_partition: level == RegionLevel::City,
    };
    let answer = connection.regions().create_region(request).await.unwrap();
    answer.into_inner().region.unwrap().id
}

fn code(value: &str) -> Identifier {
    Identifier { scheme: "gbt2260".to_owned(), value: value.to_owned() }
}

/// What comes with a write: a request id that nobody used.
pub(crate) fn context() -> WriteContext {
    let request_id = uuid::Uuid::new_v4().to_string();
    WriteContext { request_id, ..WriteContext::default() }
}

/// A request for a building of so many square centimetres.
pub(crate) fn building(compound: &str, name: &str, area_cm2: i64) -> CreateBuildingRequest {
    CreateBuildingRequest {
        context: Some(context()),
        fields: Some(BuildingFields {
            name: Some(name.to_owned()),
            compound_id: Some(compound.to_owned()),
            completed: Some("1986".to_owned()),
            floor_area_cm2: Some(area_cm2),
            ..BuildingFields::default()
        }),
        exists_from: "1986".to_owned(),
    }
}
