//! Upstream regions of interest, and what was found in each by itself.

use glib::prelude::*;
use gst::glib::{GStr, gstr};

use super::field::{FieldError, required};
use super::map::AttachedMap;
use super::region;
use crate::video::Area;
use igd::model::Region;

/// The type of the regions of interest that an igdfilter attaches.
pub(super) const TYPE: &GStr = gstr!("anomaly");

/// A region of interest that another element has attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRegion {
    pub id: i32,
    /// What kind of region it is: the type of the meta.
    pub kind: String,
    pub area: Area,
}

/// The result of one region of interest.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectResult {
    /// The id of its GstVideoRegionOfInterestMeta, or of its detection in a GstAnalyticsRelationMeta.
    pub id: i32,
    /// What kind of region it is: the type of the meta.
    pub kind: String,
    pub area: Area,
    pub score: f32,
    pub normalized: f32,
    pub anomalous: bool,
    /// Where in the frame; the largest first.
    pub regions: Vec<Region>,
    pub map: Option<AttachedMap>,
}

impl ObjectResult {
    pub(super) fn rescale(&mut self, from: (u32, u32), to: (u32, u32)) {
        self.area = self.area.rescale(from, to);
        for region in &mut self.regions {
            *region = region::rescale(region, from, to);
        }
    }
}

/// The objects as a GstValueArray of GstStructure `object`.
pub(super) fn to_array(objects: &[ObjectResult]) -> gst::Array {
    gst::Array::from_values(objects.iter().map(|object| {
        let mut structure = gst::Structure::builder("object")
            .field(gstr!("id"), object.id)
            .field(gstr!("type"), object.kind.as_str())
            .field(gstr!("score"), f64::from(object.score))
            .field(gstr!("normalized"), f64::from(object.normalized))
            .field(gstr!("anomalous"), object.anomalous)
            .field(gstr!("regions"), region::to_array(&object.regions))
            .build();
        object.area.write(&mut structure);
        if let Some(map) = &object.map {
            map.write(&mut structure);
        }
        structure.to_send_value()
    }))
}

/// Those of an `IgdAnomalyMeta`.
pub(super) fn from_structure(
    structure: &gst::StructureRef,
) -> Result<Vec<ObjectResult>, FieldError> {
    const FIELD: &str = "objects";
    if !structure.has_field(FIELD) {
        return Ok(Vec::new());
    }
    required::<gst::ArrayRef>(structure, FIELD)?
        .iter()
        .map(|value| {
            let object = value
                .get::<&gst::StructureRef>()
                .map_err(|err| FieldError::new(structure, FIELD, err))?;
            Ok(ObjectResult {
                id: required(object, "id")?,
                kind: required(object, "type")?,
                area: Area::try_from(object)?,
                score: required::<f64>(object, "score")? as f32,
                normalized: required::<f64>(object, "normalized")? as f32,
                anomalous: required(object, "anomalous")?,
                regions: region::from_array(object, "regions")?,
                map: AttachedMap::read(object)?,
            })
        })
        .collect()
}
