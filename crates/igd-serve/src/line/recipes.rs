//! Which recipe a camera judges by, which version of its model, and by which threshold.

use gstigd::video::Area;
use serde::Serialize;

use super::Line;
use crate::camera::{Camera, Judging};
use crate::command::Refused;
use crate::config::{Recipe, Shape};
use crate::lock::lock;
use crate::models::{Refit, Scores, threshold_text};
use crate::store::{Marks, Version};

/// A recipe, as the API tells of it.
#[derive(Clone, Debug, Serialize)]
pub struct RecipeStatus {
    /// Of the configuration.
    pub name: String,
    /// The oldest first; one is active. None where there is no model yet.
    pub versions: Vec<Version>,
    /// The one that was set for the active version; `None` for the model's own.
    pub threshold: Option<f32>,
    /// Parts with pictures that are marked good.
    pub marked_good: usize,
    /// Parts with pictures that are marked as defects.
    pub marked_bad: usize,
    /// What becomes of the last refit.
    pub refit: Refit,
    /// What of the picture is inspected.
    pub inspected: Inspected,
    /// Pictures that are kept to learn from.
    pub lesson: usize,
}

/// What of the picture a recipe inspects.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Inspected {
    /// Left, upper edge, width and height in pixels of the frame; `None`: the whole.
    pub region: Option<[u32; 4]>,
    /// Whether a mask is over it.
    pub masked: bool,
    /// What the mask was drawn of; none of a file that the configuration names.
    pub shapes: Vec<Shape>,
}

impl From<&Recipe> for Inspected {
    fn from(recipe: &Recipe) -> Self {
        Self {
            region: recipe.region.map(|region| {
                let Area { x, y, w, h } = region.0;
                [x, y, w, h]
            }),
            masked: recipe.mask.is_some(),
            shapes: recipe.shapes.clone(),
        }
    }
}

impl Line {
    /// Another product: takes over between two frames, and holds after the next start.
    pub fn switch_recipe(&self, camera: &str, recipe: &str, by: &str) -> Result<(), Refused> {
        // What an output has asked for before is overtaken.
        lock(&self.wanted).remove(camera);
        let _changing = lock(&self.changing);
        self.switch(camera, recipe, by)
    }

    /// The same for what an output asked for last: of several that wait for their turn the first does it.
    pub(super) fn switch_to_wanted(&self, camera: &str) {
        let _changing = lock(&self.changing);
        let Some(recipe) = lock(&self.wanted).remove(camera) else {
            return;
        };
        if let Err(refused) = self.switch(camera, &recipe, "an output") {
            self.store
                .note("recipe-refused", camera, refused.to_string());
        }
    }

    /// `changing` is held.
    fn switch(&self, camera: &str, recipe: &str, by: &str) -> Result<(), Refused> {
        let of = self.camera(camera)?;
        let before = self.models.judging(&of.status().recipe)?;
        of.judge_by(self.models.judging(recipe)?)?;
        if let Err(error) = self.store.choose_recipe(camera, recipe) {
            go_back(of, &before);
            return Err(error.into());
        }
        self.outputs.recipe(camera, recipe);
        let text = format!("judged by {recipe} from now on ({by})");
        self.store.note("recipe", camera, text);
        Ok(())
    }

    /// In the order of their names.
    pub fn recipes(&self) -> Result<Vec<RecipeStatus>, Refused> {
        let recipes = self.models.recipes();
        recipes.keys().map(|name| self.recipe(name)).collect()
    }

    /// The names of all of them.
    pub fn recipe_names(&self) -> Vec<String> {
        let recipes = self.models.recipes();
        recipes.keys().map(ToString::to_string).collect()
    }

    /// One of them.
    pub fn recipe(&self, name: &str) -> Result<RecipeStatus, Refused> {
        let versions = self.models.versions(name)?;
        let active = versions.iter().find(|version| version.active);
        let Marks { good, bad } = self.store.marks(name)?;
        Ok(RecipeStatus {
            name: name.to_owned(),
            threshold: active.and_then(|version| version.threshold),
            versions,
            marked_good: good,
            marked_bad: bad,
            refit: self.models.refit_state(name),
            inspected: self.inspected(name)?,
            lesson: self.lessons.count(name),
        })
    }

    /// Learns from all marks of a recipe, beside the work.
    pub fn refit(&self, recipe: &str, by: &str) -> Result<(), Refused> {
        self.models.refit(recipe)?;
        self.store
            .note("refit", recipe, format!("learns from its marks ({by})"));
        Ok(())
    }

    /// Takes the proposed model over, between two frames, or throws it away.
    pub fn decide_refit(&self, recipe: &str, accept: bool, by: &str) -> Result<(), Refused> {
        if !accept {
            return self.models.discard(recipe);
        }
        let _changing = lock(&self.changing);
        let version = self.models.accept(recipe)?;
        self.judge_by(recipe, &version, by)
    }

    /// Goes back (or forth) to a version, between two frames.
    pub fn activate(&self, recipe: &str, version: u32, by: &str) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        let version = self.models.version(recipe, version)?;
        self.judge_by(recipe, &version, by)
    }

    /// `changing` is held.
    pub(super) fn judge_by(
        &self,
        recipe: &str,
        version: &Version,
        by: &str,
    ) -> Result<(), Refused> {
        let next = self.models.judging_by(recipe, version)?;
        self.all_judge_by(recipe, &next, || {
            self.models.activate(recipe, version.number)
        })?;
        let text = format!("version {} judges from now on ({by})", version.number);
        self.store.note("version", recipe, text);
        Ok(())
    }

    /// All cameras of a recipe or none: those that have changed go back where one cannot, or where it cannot be
    /// stored. `changing` is held.
    fn all_judge_by(
        &self,
        recipe: &str,
        next: &Judging,
        store: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let before = self.models.judging(recipe)?;
        let mut changed = Vec::new();
        let done = self.cameras_of(recipe).try_for_each(|camera| {
            camera.judge_by(next.clone())?;
            changed.push(camera);
            Ok(())
        });
        let done = done.and_then(|()| store());
        if done.is_err() {
            changed
                .into_iter()
                .for_each(|camera| go_back(camera, &before));
        }
        done
    }

    /// A recipe without a model, to be taught.
    pub fn make_recipe(&self, name: &str, by: &str) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        self.models.make(name)?;
        let text = format!("made, without a model yet ({by})");
        self.store.note("recipe-made", name, text);
        Ok(())
    }

    /// Removes one that was made, has no model, and that no camera has; its pictures go too.
    pub fn remove_recipe(&self, name: &str, by: &str) -> Result<(), Refused> {
        let _changing = lock(&self.changing);
        if let Some(camera) = self.cameras_of(name).next() {
            let camera = camera.status().name;
            return Err(Refused::Unfit(format!(
                "{camera} has {name}: switch it to another product first"
            )));
        }
        self.models.unmake(name)?;
        self.lessons.forget(name)?;
        self.store
            .note("recipe-removed", name, format!("removed ({by})"));
        Ok(())
    }

    /// What a recipe inspects.
    pub fn inspected(&self, recipe: &str) -> Result<Inspected, Refused> {
        Ok((&self.models.recipe(recipe)?).into())
    }

    /// Has a recipe inspect a region, in pixels of the frame, and what shapes say, from the next frame on.
    pub fn inspect(
        &self,
        recipe: &str,
        region: Option<[u32; 4]>,
        shapes: Vec<Shape>,
        by: &str,
    ) -> Result<(), Refused> {
        self.models.recipe(recipe)?;
        let sizes = self.cameras_of(recipe).map(|camera| camera.status().size);
        let size = sizes.into_iter().find(|size| *size != [0, 0]).ok_or_else(|| {
            Refused::Unfit(format!(
                "no camera that has {recipe} has given a frame, so that nobody knows what it looks like"
            ))
        })?;
        let _changing = lock(&self.changing);
        let drawn = self.models.drawn(recipe, size.into(), region, shapes)?;
        let next = self.models.judging_of(recipe, &drawn)?;
        let text = match (&drawn.region, drawn.shapes.len()) {
            (None, 0) => "the whole picture is inspected from now on".to_owned(),
            (Some([x, y, w, h]), 0) => format!("{x},{y},{w},{h} is inspected from now on"),
            (None, count) => format!("what {count} shapes say is inspected from now on"),
            (Some([x, y, w, h]), count) => {
                format!("{x},{y},{w},{h} is inspected from now on, as {count} shapes say")
            }
        };
        self.all_judge_by(recipe, &next, || self.models.draw(recipe, drawn))?;
        self.store
            .note("inspected", recipe, format!("{text} ({by})"));
        Ok(())
    }

    /// Sets the threshold of the active version, of the next frame on; `None` for the model's own.
    pub fn set_threshold(
        &self,
        recipe: &str,
        threshold: Option<f32>,
        by: &str,
    ) -> Result<(), Refused> {
        if threshold.is_some_and(|threshold| !(threshold.is_finite() && threshold >= 0.0)) {
            return Err(Refused::Unfit(
                "a threshold is 0 or above, or null for the model's own".into(),
            ));
        }
        let _changing = lock(&self.changing);
        self.models.set_threshold(recipe, threshold)?;
        self.cameras_of(recipe)
            .for_each(|camera| camera.set_threshold(threshold));
        self.store
            .note("threshold", recipe, threshold_text(threshold, by));
        Ok(())
    }

    /// What a threshold of a recipe's active model would do. Takes seconds where many parts are marked.
    pub fn scores(&self, recipe: &str) -> Result<Scores, Refused> {
        self.models.scores(recipe)
    }

    /// The cameras of a recipe.
    fn cameras_of(&self, recipe: &str) -> impl Iterator<Item = &Camera> {
        self.cameras
            .values()
            .filter(move |camera| camera.status().recipe == recipe)
    }
}

fn go_back(camera: &Camera, before: &Judging) {
    // It judged by it a moment ago.
    let _ = camera.judge_by(before.clone());
}
