//! The result of one frame, as Rust sees it.

use gst::glib::gstr;
use gst::meta::CustomMeta;
use gst::prelude::*;

use super::field::{FieldError, optional, required};
use super::map::AttachedMap;
use super::object::{self, ObjectResult};
use super::{custom, region};
use crate::video::Area;
use igd::model::{DenseTerms, Detection, Region, ScaleTerms, Scales};

/// The content of an `IgdAnomalyMeta`; its fields are those of the table in [`super`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnomalyMeta {
    /// The name of the igdfilter.
    pub element: String,
    pub score: f32,
    pub normalized: f32,
    pub threshold: f32,
    pub anomalous: bool,
    pub scales: Scales,
    /// Of the frames of late, of the limit; `None` where it is not known.
    pub drift: Option<f32>,
    pub inference_ms: f64,
    pub age: u32,
    pub width: u32,
    pub height: u32,
    pub model: String,
    /// None where the frame is not anomalous.
    pub regions: Vec<Region>,
    /// Of frames, and of objects in them, that are not anomalous, where they are asked for: where they come near.
    pub candidates: Vec<Region>,
    /// The part of the frame that was inspected; `None` for the whole.
    pub inspected: Option<Area>,
    /// The upstream regions of interest that were inspected, each by itself.
    pub objects: Vec<ObjectResult>,
    /// Of the inspected part.
    pub map: Option<AttachedMap>,
    /// Where several filters have inspected the frame: the result of each, in their order. All else is then that of the
    /// worst of them. Empty where there is only one.
    pub results: Vec<AnomalyMeta>,
}

/// The results of a frame, where there are several.
const RESULTS: &str = "results";

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
        self.candidates.clone_from(&detection.candidates);
    }

    /// Hangs the result on a buffer, together with those that other filters have left there.
    pub fn attach(&self, buffer: &mut gst::BufferRef) -> Result<(), glib::BoolError> {
        custom::register();
        if let Ok(mut meta) = CustomMeta::from_mut_buffer(buffer, custom::NAME) {
            let structure = meta.mut_structure();
            // What cannot be read is no result.
            let before = Self::try_from(&*structure).ok();
            structure.remove_all_fields();
            match before {
                Some(before) => before.and(self.clone()).write(structure),
                None => self.write(structure),
            }
            return Ok(());
        }
        let mut meta = CustomMeta::add(buffer, custom::NAME)?;
        self.write(meta.mut_structure());
        Ok(())
    }

    /// Of several filters: these results, and the one of the next filter.
    fn and(mut self, next: Self) -> Self {
        let mut results = std::mem::take(&mut self.results);
        if results.is_empty() {
            results.push(self);
        }
        results.push(next);
        let badness = |result: &Self| (result.anomalous, result.normalized);
        let worst = results.iter().reduce(|worst, result| {
            if badness(result) > badness(worst) {
                result
            } else {
                worst
            }
        });
        let worst = worst.cloned().unwrap_or_default();
        Self { results, ..worst }
    }

    /// The result of each filter.
    pub fn each(&self) -> &[Self] {
        match &self.results[..] {
            [] => std::slice::from_ref(self),
            results => results,
        }
    }

    /// What there is on a buffer, or `None` where no filter has left a result.
    pub fn from_buffer(buffer: &gst::BufferRef) -> Result<Option<Self>, FieldError> {
        custom::register();
        match CustomMeta::from_buffer(buffer, custom::NAME) {
            Ok(meta) => Self::try_from(meta.structure()).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn write(&self, structure: &mut gst::StructureRef) {
        structure.set_with_static(gstr!("element"), self.element.as_str());
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
        if let Some(drift) = self.drift {
            structure.set_with_static(gstr!("drift"), f64::from(drift));
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
        if !self.candidates.is_empty() {
            structure.set_with_static(gstr!("candidates"), region::to_array(&self.candidates));
        }
        if let Some(area) = self.inspected {
            structure.set_with_static(gstr!("inspected"), gst::Structure::from(area));
        }
        if !self.objects.is_empty() {
            structure.set_with_static(gstr!("objects"), object::to_array(&self.objects));
        }
        if !self.results.is_empty() {
            let results = self.results.iter().map(|result| {
                let mut structure = gst::Structure::new_empty("result");
                result.write(&mut structure);
                structure.to_send_value()
            });
            structure.set(RESULTS, gst::Array::from_values(results));
        }
    }

    /// Moves the regions along when a picture of the size `from` becomes one of the size `to`.
    pub(super) fn rescale(&mut self, from: (u32, u32), to: (u32, u32)) {
        if from == to || from.0 == 0 || from.1 == 0 {
            return;
        }
        for region in self.regions.iter_mut().chain(&mut self.candidates) {
            *region = region::rescale(region, from, to);
        }
        self.inspected = self.inspected.map(|area| area.rescale(from, to));
        for object in &mut self.objects {
            object.rescale(from, to);
        }
        for result in &mut self.results {
            result.rescale(from, to);
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
            // Results of earlier versions have none.
            element: optional(structure, "element")?.unwrap_or_default(),
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
            drift: optional::<f64>(structure, "drift")?.map(|drift| drift as f32),
            inference_ms: required(structure, "inference-ms")?,
            age: required(structure, "age")?,
            width: required(structure, "width")?,
            height: required(structure, "height")?,
            model: required(structure, "model")?,
            regions: region::from_array(structure, "regions")?,
            candidates: match structure.has_field("candidates") {
                true => region::from_array(structure, "candidates")?,
                false => Vec::new(),
            },
            inspected: optional::<&gst::StructureRef>(structure, "inspected")?
                .map(Area::try_from)
                .transpose()?,
            objects: object::from_structure(structure)?,
            map: AttachedMap::read(structure)?,
            results: results(structure)?,
        })
    }
}

fn results(structure: &gst::StructureRef) -> Result<Vec<AnomalyMeta>, FieldError> {
    let Some(results) = optional::<gst::ArrayRef>(structure, RESULTS)? else {
        return Ok(Vec::new());
    };
    let read = |value: &glib::SendValue| {
        let result = value.get::<&gst::StructureRef>();
        AnomalyMeta::try_from(result.map_err(|err| FieldError::new(structure, RESULTS, err))?)
    };
    results.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn sample() -> AnomalyMeta {
        AnomalyMeta {
            element: "inspection".into(),
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
            drift: Some(0.75),
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
            candidates: Vec::new(),
            inspected: None,
            objects: Vec::new(),
            map: None,
            results: Vec::new(),
        }
    }

    /// A frame that several filters have inspected, with these scores and flags.
    fn of_each(scores: &[(f32, bool)]) -> AnomalyMeta {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        for (number, &(normalized, anomalous)) in scores.iter().enumerate() {
            let result = AnomalyMeta {
                element: format!("filter{number}"),
                normalized,
                anomalous,
                ..sample()
            };
            result.attach(buffer.get_mut().unwrap()).unwrap();
        }
        assert_eq!(buffer.iter_meta::<gst::Meta>().count(), 1);
        AnomalyMeta::from_buffer(&buffer).unwrap().unwrap()
    }

    #[test]
    fn a_frame_has_all_results_and_is_as_bad_as_the_worst() {
        for (scores, worst) in [
            (&[(0.25, false)][..], 0),
            (&[(0.25, false), (0.75, true)], 1),
            (&[(0.75, true), (0.25, false)], 0),
            (&[(0.25, false), (0.75, true), (0.6, true)], 1),
            // With a threshold of the user's own.
            (&[(0.75, false), (0.25, true)], 1),
            (&[(0.25, false), (0.25, false)], 0),
        ] {
            let found = of_each(scores);
            assert_eq!(found.element, format!("filter{worst}"), "{scores:?}");
            assert_eq!((found.normalized, found.anomalous), scores[worst]);
            let each = found.each().iter();
            let each: Vec<_> = each.map(|it| (it.normalized, it.anomalous)).collect();
            assert_eq!(each, scores);
            assert_eq!(found.results.is_empty(), scores.len() == 1);
        }
    }

    #[test]
    fn all_results_follow_the_scale() {
        let mut found = of_each(&[(0.75, true), (0.25, false)]);
        found.rescale((640, 480), (1280, 960));
        for result in found.each() {
            assert_eq!((result.width, result.height), (1280, 960));
            assert_eq!((result.regions[0].x, result.regions[0].h), (2, 8));
        }
    }

    #[test]
    fn what_cannot_be_read_gives_way() {
        gst::init().unwrap();
        custom::register();
        let mut buffer = gst::Buffer::new();
        let buffer_mut = buffer.get_mut().unwrap();
        CustomMeta::add(buffer_mut, custom::NAME)
            .unwrap()
            .mut_structure()
            .set("score", "high");
        sample().attach(buffer_mut).unwrap();
        assert_eq!(AnomalyMeta::from_buffer(&buffer).unwrap(), Some(sample()));
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
        meta.candidates = meta.regions.clone();
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
        assert_eq!(meta.candidates, meta.regions);
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
