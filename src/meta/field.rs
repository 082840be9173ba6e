//! Reading typed fields out of a structure that someone else may have written.

use glib::value::FromValue;

/// A structure that is not what its name promises.
#[derive(Debug, thiserror::Error)]
#[error("{structure}: field `{field}`: {reason}")]
pub struct FieldError {
    structure: String,
    field: &'static str,
    reason: String,
}

impl FieldError {
    pub(super) fn new(
        structure: &gst::StructureRef,
        field: &'static str,
        reason: impl ToString,
    ) -> Self {
        Self {
            structure: structure.name().to_string(),
            field,
            reason: reason.to_string(),
        }
    }
}

/// Refuses another structure than a message `name`, whose first field is `field`.
pub(super) fn is_message(
    structure: &gst::StructureRef,
    name: &str,
    field: &'static str,
) -> Result<(), FieldError> {
    if structure.name() == name {
        return Ok(());
    }
    let reason = format!("not an {name} message");
    Err(FieldError::new(structure, field, reason))
}

/// The field `name`, which has to be there.
pub(super) fn required<'a, T: FromValue<'a>>(
    structure: &'a gst::StructureRef,
    name: &'static str,
) -> Result<T, FieldError> {
    optional(structure, name)?.ok_or_else(|| FieldError::new(structure, name, "missing"))
}

/// The field `name`, or `None` where the structure lacks it.
pub(super) fn optional<'a, T: FromValue<'a>>(
    structure: &'a gst::StructureRef,
    name: &'static str,
) -> Result<Option<T>, FieldError> {
    if !structure.has_field(name) {
        return Ok(None);
    }
    structure
        .get(name)
        .map(Some)
        .map_err(|err| FieldError::new(structure, name, err))
}
