//! Pictures that recipes learn from, and models that come of them.

use std::path::PathBuf;
use std::sync::Arc;

use igd::encode;
use uuid::Uuid;

use super::{JPEG_QUALITY, Line};
use crate::command::Refused;
use crate::lessons::{By, Lesson, Watch};
use crate::lock::lock;

impl Line {
    /// The pictures that a recipe learns from, and what becomes of them.
    pub fn lesson(&self, recipe: &str) -> Result<Lesson, Refused> {
        let area = self.inspected(recipe)?.region;
        Ok(self.lessons.status(recipe, area))
    }

    /// Takes a file that somebody sends: PNG, JPEG, BMP or TIFF.
    pub fn upload(&self, recipe: &str, file: Vec<u8>) -> Result<Uuid, Refused> {
        self.models.recipe(recipe)?;
        self.lessons.upload(recipe, file)
    }

    /// The small picture of one, a JPEG.
    pub fn preview(&self, recipe: &str, id: Uuid) -> Result<PathBuf, Refused> {
        self.models.recipe(recipe)?;
        self.lessons.preview(recipe, id).ok_or_else(|| {
            Refused::Unknown(format!("there is no picture {id} to learn {recipe} from"))
        })
    }

    /// Takes a picture away.
    pub fn remove_picture(&self, recipe: &str, id: Uuid) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        self.lessons.remove(recipe, id)
    }

    /// Takes all pictures of a recipe away.
    pub fn clear_lesson(&self, recipe: &str) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        self.lessons.clear(recipe)
    }

    /// Collects pictures for a recipe from a camera, whatever that judges by.
    pub fn collect(self: &Arc<Self>, recipe: &str, camera: &str, by: By) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        self.camera(camera)?;
        let motion = &self.config.cameras[camera].trigger.motion;
        let (line, name) = (Arc::downgrade(self), camera.to_owned());
        let watch = Watch {
            camera: camera.to_owned(),
            motion: *motion,
            newest: Box::new(move || {
                let line = line.upgrade()?;
                Some(line.camera(&name).ok()?.newest())
            }),
        };
        self.lessons.collect(recipe, watch, by)
    }

    /// Collects no more.
    pub fn stop_collecting(&self, recipe: &str) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        self.lessons.stop_collecting(recipe);
        Ok(())
    }

    /// What a recipe's pictures have in common, a JPEG; with `spread` also where they differ.
    pub fn mean(&self, recipe: &str, spread: bool) -> Result<Vec<u8>, Refused> {
        self.models.recipe(recipe)?;
        let mean = self.lessons.mean(recipe, spread).ok_or_else(|| {
            Refused::Unknown(format!("no picture of {recipe} has been looked at yet"))
        })?;
        let encoded = encode::jpeg(&mean, JPEG_QUALITY);
        encoded.map_err(|error| Refused::Failed(error.to_string()))
    }

    /// Fits a model to a recipe's pictures, beside the work.
    pub fn teach(&self, recipe: &str, by: &str) -> Result<(), Refused> {
        let area = self.inspected(recipe)?.region;
        self.lessons.fit(recipe, area)?;
        let text = format!("learns from {} pictures ({by})", self.lessons.count(recipe));
        self.store.note("taught", recipe, text);
        Ok(())
    }

    /// Ends that.
    pub fn cancel_teaching(&self, recipe: &str) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        self.lessons.cancel(recipe)
    }

    /// Whether a model is being fitted, of whichever recipe.
    pub fn is_teaching(&self) -> bool {
        self.lessons.is_fitting()
    }

    /// Takes the model over, between two frames, or throws it away.
    pub fn decide_taught(&self, recipe: &str, accept: bool, by: &str) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        if !accept {
            return self.lessons.discard(recipe);
        }
        let _changing = lock(&self.changing);
        let version = self.lessons.accept(recipe, |file, pictures| {
            self.models.add_taught(recipe, file, pictures)
        })?;
        self.judge_by(recipe, &version, by)
    }
}
