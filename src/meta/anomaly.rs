//! The result of one frame, as Rust sees it.

use gst::glib::gstr;

use super::field::{FieldError, optional, required};
use super::map::AttachedMap;
use super::object::{self, ObjectResult};
use super::{custom, region};
use crate::video::Area;
use igd::model::{DenseTerms, Detection, Region, ScaleTerms, Scales};

/// The content of an `IgdAnomalyMeta`; its fields are those of the table in [`super`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnomalyMeta {
    pub score: f32,
    pub normalized: f32,
    pub threshold: f32,
    pub anomalous: bool,
    pub scales: Scales,
    pub inference_ms: f64,
    pub age: u32,
    pub width: u32,
    pub height: u32,
    pub model: String,
    pub regions: Vec<Region>,
    /// The part of the frame that was inspected; `None` for the whole.
    pub inspected: Option<Area>,
    /// The upstream regions of interest that were inspected, each by itself.
    pub objects: Vec<ObjectResult>,
    /// Of the inspected part.
    pub map: Option<AttachedMap>,
}

impl AnomalyMeta {
    /// Takes over what `detection` says of a frame of `width` x `height`, reusing this one's memory.
    pub fn update(&mut self, detection: &Detection, (width, height): (u32, u32)) {
        self.score = detection.score;
        self.normalized = detection.normalized;
        self.threshold = detection.threshold;
        self.anomalous = detection.anomalous;
        self.scales = detection.scales;
        self.age = 0;
        self.width = width;
        self.height = height;
        self.regions.clone_from(&detection.regions);
    }

    /// Hangs the result on a buffer, beside those that other filters have left there.
    pub fn attach(&self, buffer: &mut gst::BufferRef) -> Result<(), glib::BoolError> {
        custom::register();
        let mut meta = gst::meta::CustomMeta::add(buffer, custom::NAME)?;
        self.write(meta.mut_structure());
        Ok(())
    }

    /// The first result on a buffer, or `None` where there is none.
    pub fn from_buffer(buffer: &gst::BufferRef) -> Result<Option<Self>, FieldError> {
        custom::register();
        match gst::meta::CustomMeta::from_buffer(buffer, custom::NAME) {
            Ok(meta) => Self::try_from(meta.structure()).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn write(&self, structure: &mut gst::StructureRef) {
        structure.set_with_static(gstr!("score"), f64::from(self.score));
        structure.set_with_static(gstr!("normalized"), f64::from(self.normalized));
        structure.set_with_static(gstr!("threshold"), f64::from(self.threshold));
        structure.set_with_static(gstr!("anomalous"), self.anomalous);
        if let Some(terms) = self.scales.global {
            structure.set_with_static(
                gstr!("global-reconstruction"),
                f64::from(terms.reconstruction),
            );
            structure.set_with_static(gstr!("global-gaussian"), f64::from(terms.gaussian));
        }
        if let Some(terms) = self.scales.local {
            structure.set_with_static(
                gstr!("local-reconstruction"),
                f64::from(terms.reconstruction),
            );
            structure.set_with_static(gstr!("local-gaussian"), f64::from(terms.gaussian));
        }
        if let Some(terms) = self.scales.dense {
            structure.set_with_static(gstr!("dense-distance"), f64::from(terms.distance));
            structure.set_with_static(gstr!("dense-gaussian"), f64::from(terms.gaussian));
        }
        structure.set_with_static(gstr!("inference-ms"), self.inference_ms);
        structure.set_with_static(gstr!("age"), self.age);
        structure.set_with_static(gstr!("model"), self.model.as_str());
        if let Some(map) = &self.map {
            map.write(structure);
        }
        self.write_places(structure);
    }

    /// The fields that change when the picture is scaled.
    pub(super) fn write_places(&self, structure: &mut gst::StructureRef) {
        structure.set_with_static(gstr!("width"), self.width);
        structure.set_with_static(gstr!("height"), self.height);
        structure.set_with_static(gstr!("regions"), region::to_array(&self.regions));
        if let Some(area) = self.inspected {
            structure.set_with_static(gstr!("inspected"), gst::Structure::from(area));
        }
        if !self.objects.is_empty() {
            structure.set_with_static(gstr!("objects"), object::to_array(&self.objects));
        }
    }

    /// Moves the regions along when a picture of the size `from` becomes one of the size `to`.
    pub(super) fn rescale(&mut self, from: (u32, u32), to: (u32, u32)) {
        if from == to || from.0 == 0 || from.1 == 0 {
            return;
        }
        for region in &mut self.regions {
            *region = region::rescale(region, from, to);
        }
        self.inspected = self.inspected.map(|area| area.rescale(from, to));
        for object in &mut self.objects {
            object.rescale(from, to);
        }
        (self.width, self.height) = to;
    }
}

impl From<&AnomalyMeta> for gst::Structure {
    fn from(meta: &AnomalyMeta) -> Self {
        let mut structure = gst::Structure::new_empty(custom::NAME);
        meta.write(&mut structure);
        structure
    }
}

impl TryFrom<&gst::StructureRef> for AnomalyMeta {
    type Error = FieldError;

    fn try_from(structure: &gst::StructureRef) -> Result<Self, FieldError> {
        let pair = |first, second| -> Result<Option<(f32, f32)>, FieldError> {
            let first = optional::<f64>(structure, first)?;
            let second = optional::<f64>(structure, second)?;
            let pair = first.zip(second);
            Ok(pair.map(|(first, second)| (first as f32, second as f32)))
        };
        let terms = |reconstruction, gaussian| -> Result<Option<ScaleTerms>, FieldError> {
            let terms = pair(reconstruction, gaussian)?;
            Ok(terms.map(|(reconstruction, gaussian)| ScaleTerms {
                reconstruction,
                gaussian,
            }))
        };
        Ok(Self {
            score: required::<f64>(structure, "score")? as f32,
            normalized: required::<f64>(structure, "normalized")? as f32,
            threshold: required::<f64>(structure, "threshold")? as f32,
            anomalous: required(structure, "anomalous")?,
            scales: Scales {
                global: terms("global-reconstruction", "global-gaussian")?,
                local: terms("local-reconstruction", "local-gaussian")?,
                dense: pair("dense-distance", "dense-gaussian")?
                    .map(|(distance, gaussian)| DenseTerms { distance, gaussian }),
            },
            inference_ms: required(structure, "inference-ms")?,
            age: required(structure, "age")?,
            width: required(structure, "width")?,
            height: required(structure, "height")?,
            model: required(structure, "model")?,
            regions: region::from_array(structure, "regions")?,
            inspected: optional::<&gst::StructureRef>(structure, "inspected")?
                .map(Area::try_from)
                .transpose()?,
            objects: object::from_structure(structure)?,
            map: AttachedMap::read(structure)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn sample() -> AnomalyMeta {
        AnomalyMeta {
            score: 0.4375,
            normalized: 0.71,
            threshold: 0.3,
            anomalous: true,
            scales: Scales {
                global: Some(ScaleTerms {
                    reconstruction: 0.1,
                    gaussian: 0.9,
                }),
                ..Scales::default()
            },
            inference_ms: 12.5,
            age: 2,
            width: 640,
            height: 480,
            model: "solar-cells".into(),
            regions: vec![Region {
                x: 1,
                y: 2,
                w: 3,
                h: 4,
                area: 5,
                score: 0.625,
            }],
            inspected: None,
            objects: Vec::new(),
            map: None,
        }
    }

    #[test]
    fn a_structure_brings_back_every_field() {
        gst::init().unwrap();
        let mut meta = sample();
        for (global, local) in [(true, false), (false, true), (true, true)] {
            let terms = meta.scales.global.or(meta.scales.local);
            meta.scales.global = terms.filter(|_| global);
            meta.scales.local = terms.filter(|_| local);
            let structure = gst::Structure::from(&meta);
            assert_eq!(structure.has_field("global-gaussian"), global);
            assert_eq!(structure.has_field("local-gaussian"), local);
            assert_eq!(AnomalyMeta::try_from(structure.as_ref()).unwrap(), meta);
        }
        meta.scales = Scales {
            dense: Some(DenseTerms {
                distance: 1.5,
                gaussian: 0.75,
            }),
            ..Scales::default()
        };
        let structure = gst::Structure::from(&meta);
        assert_eq!(structure.get::<f64>("dense-distance"), Ok(1.5));
        assert!(!structure.has_field("local-gaussian"));
        assert_eq!(AnomalyMeta::try_from(structure.as_ref()).unwrap(), meta);
    }

    #[test]
    fn what_was_inspected_comes_back_and_follows_the_scale() {
        gst::init().unwrap();
        let area = Area {
            x: 64,
            y: 48,
            w: 320,
            h: 240,
        };
        let mut meta = sample();
        meta.inspected = Some(area);
        meta.objects = vec![ObjectResult {
            id: 7,
            kind: "cell".into(),
            area,
            score: 0.5,
            normalized: 0.75,
            anomalous: true,
            regions: meta.regions.clone(),
            map: Some(AttachedMap::new(2, 1, &[0.25, 1.0])),
        }];
        meta.map = Some(AttachedMap::new(1, 2, &[0.5, 0.0]));
        let structure = gst::Structure::from(&meta);
        assert_eq!(AnomalyMeta::try_from(structure.as_ref()).unwrap(), meta);

        meta.rescale((640, 480), (320, 240));
        let half = Area {
            x: 32,
            y: 24,
            w: 160,
            h: 120,
        };
        assert_eq!(meta.inspected, Some(half));
        assert_eq!(meta.objects[0].area, half);
        assert_eq!(meta.objects[0].regions, meta.regions);
    }

    #[test]
    fn a_text_brings_back_every_field() {
        gst::init().unwrap();
        let structure = gst::Structure::from(&sample());
        let text = structure.to_string();
        let read = text.parse::<gst::Structure>().unwrap();
        assert_eq!(AnomalyMeta::try_from(read.as_ref()).unwrap(), sample());
    }

    #[test]
    fn a_missing_or_odd_field_is_named() {
        gst::init().unwrap();
        let mut structure = gst::Structure::from(&sample());
        structure.set("score", "high");
        let error = AnomalyMeta::try_from(structure.as_ref()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("IgdAnomalyMeta: field `score`: "),
            "{error}"
        );
        structure.remove_field("score");
        let error = AnomalyMeta::try_from(structure.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "IgdAnomalyMeta: field `score`: missing");
    }

    #[test]
    fn a_buffer_carries_it_and_its_copies_do() {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        assert_eq!(AnomalyMeta::from_buffer(&buffer).unwrap(), None);
        sample().attach(buffer.get_mut().unwrap()).unwrap();
        assert_eq!(AnomalyMeta::from_buffer(&buffer).unwrap(), Some(sample()));
        let copy = buffer.copy();
        assert_eq!(AnomalyMeta::from_buffer(&copy).unwrap(), Some(sample()));
    }
}
