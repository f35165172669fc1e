//! The columns by which compounds and buildings say where they are.

use crate::exchange::column::{By, Column, Form, words::SYSTEMS};

pub(super) const fn location_system() -> Column {
    Column::new(
        "location_system",
        &["坐标系", "坐标系统", "crs"],
        "",
        Form::Word(SYSTEMS, |draft| &mut draft.location_system),
        "The reference system of the two degrees; without it they are refused.",
    )
}

pub(super) const fn longitude() -> Column {
    Column::new(
        "longitude",
        &["经度", "lng", "lon"],
        "location",
        Form::Degrees(180, |draft| &mut draft.longitude),
        "Degrees of longitude, at most 7 decimals.",
    )
}

pub(super) const fn latitude() -> Column {
    Column::new(
        "latitude",
        &["纬度", "lat"],
        "location",
        Form::Degrees(90, |draft| &mut draft.latitude),
        "Degrees of latitude, at most 7 decimals.",
    )
}

pub(super) const fn community(
    name: &'static str,
    aliases: &'static [&'static str],
    by: By,
) -> Column {
    let about = match by {
        By::Id => "The community, by the registry's id.",
        By::Key => "The community, by its key in the same source.",
        By::Code => "The community, by its 12-digit statistical code.",
        By::Identifier => "The community, by an outside number: `stats12:410102001001`.",
    };
    let form = Form::Reference(by, |draft| &mut draft.community_of);
    let column = Column::new(name, aliases, "community_id", form, about);
    if matches!(by, By::Code) { column.read_only() } else { column }
}
