//! The formats of integers without a sign, by the names that the OpenAPI format registry has for
//! them; the generator writes `u-int64`.

use utoipa::openapi::{
    KnownFormat, OpenApi, RefOr, Schema, SchemaFormat,
    schema::{AdditionalProperties, ArrayItems},
};

/// Gives every schema of the document the registered name of its format.
pub(super) fn name(document: &mut OpenApi) {
    let Some(components) = &mut document.components else {
        return;
    };
    components.schemas.values_mut().for_each(name_in);
}

/// The same of one schema.
pub(super) fn name_in(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            if let Some(name) = object.format.as_ref().and_then(registered) {
                object.format = Some(SchemaFormat::Custom(name.to_owned()));
            }
            object.properties.values_mut().for_each(name_in);
            if let Some(AdditionalProperties::RefOr(inner)) =
                object.additional_properties.as_deref_mut()
            {
                name_in(inner);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(inner) = &mut array.items {
                name_in(inner);
            }
        }
        Schema::OneOf(of) => of.items.iter_mut().for_each(name_in),
        Schema::AllOf(of) => of.items.iter_mut().for_each(name_in),
        Schema::AnyOf(of) => of.items.iter_mut().for_each(name_in),
        _ => {}
    }
}

fn registered(format: &SchemaFormat) -> Option<&'static str> {
    match format {
        SchemaFormat::KnownFormat(KnownFormat::UInt64) => Some("uint64"),
        SchemaFormat::KnownFormat(KnownFormat::UInt32) => Some("uint32"),
        SchemaFormat::KnownFormat(KnownFormat::UInt16) => Some("uint16"),
        _ => None,
    }
}
