//! What of the picture a recipe inspects, as it is drawn at the page, and recipes that are made there.

use igd::files::write_png;
use uuid::Uuid;

use super::{Known, Models, failed, polygon};
use crate::camera::Judging;
use crate::command::Refused;
use crate::config::{Drawn, Name, Recipe, Shape, mask_file, said};
use crate::lock::lock;

/// Shapes of a mask.
const MOST_SHAPES: usize = 64;
/// Corners of a shape.
const MOST_CORNERS: usize = 256;

impl Models {
    /// A recipe that has no model yet.
    pub fn make(&self, name: &str) -> Result<(), Refused> {
        let made = Name::try_from(name.to_owned()).map_err(Refused::Unfit)?;
        self.change(|known| {
            if known.recipes.contains_key(&made) {
                return Err(Refused::Unfit(format!("there is a recipe {name} already")));
            }
            known.made.0.entry(made).or_default().new = true;
            Ok(())
        })
    }

    /// Forgets one that was made, and never had a model.
    pub fn unmake(&self, name: &str) -> Result<(), Refused> {
        let has_versions = !self.versions(name)?.is_empty();
        let is_configured = self.configured.contains_key(name);
        self.change(|known| {
            if has_versions || is_configured {
                let why = "only one that was made at the page and has no model can be removed";
                return Err(Refused::Unfit(format!("{name}: {why}")));
            }
            known.made.0.remove(name);
            Ok(())
        })
    }

    /// What a recipe is to inspect: of frames of `size` the region and what the shapes say. Writes the mask. The error
    /// says what makes no sense.
    pub fn drawn(
        &self,
        recipe: &str,
        size: (u32, u32),
        region: Option<[u32; 4]>,
        shapes: Vec<Shape>,
    ) -> Result<Drawn, Refused> {
        self.recipe(recipe)?;
        check(size, region, &shapes).map_err(Refused::Unfit)?;
        let none = Recipe::of(None);
        let mut drawn = Drawn {
            region,
            mask: None,
            over: said(self.configured.get(recipe).unwrap_or(&none)),
            shapes,
        };
        if !drawn.shapes.is_empty() {
            let mask = polygon::mask(&drawn.shapes, size);
            let name = format!("{recipe}-{}.png", Uuid::now_v7());
            write_png(&mask_file(&self.line, &name), &mask.into()).map_err(failed)?;
            drawn.mask = Some(name);
        }
        Ok(drawn)
    }

    /// How a recipe would judge with that.
    pub fn judging_of(&self, name: &str, drawn: &Drawn) -> Result<Judging, Refused> {
        let mut recipe = self.recipe(name)?;
        drawn.set(&mut recipe, &self.line);
        self.judging_as(name, &recipe)
    }

    /// Remembers it.
    pub fn draw(&self, recipe: &str, drawn: Drawn) -> Result<(), Refused> {
        let name = Name::try_from(recipe.to_owned()).map_err(Refused::Unfit)?;
        self.change(|known| {
            known.made.0.entry(name).or_default().drawn = Some(drawn);
            Ok(())
        })
    }

    /// Changes what was made, if that can be written.
    fn change(
        &self,
        change: impl FnOnce(&mut Known) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut known = lock(&self.known);
        let mut next = Known {
            made: known.made.clone(),
            recipes: known.recipes.clone(),
        };
        change(&mut next)?;
        next.made.save(&self.line).map_err(failed)?;
        next.recipes = next.made.applied(&self.configured, &self.line);
        *known = next;
        Ok(())
    }
}

fn check(
    (width, height): (u32, u32),
    region: Option<[u32; 4]>,
    shapes: &[Shape],
) -> Result<(), String> {
    if let Some([x, y, w, h]) = region {
        let is_within = |from: u32, length: u32, all: u32| {
            length > 0 && from.checked_add(length).is_some_and(|end| end <= all)
        };
        if !is_within(x, w, width) || !is_within(y, h, height) {
            return Err(format!(
                "region {x},{y},{w},{h}: it lies within the frame, which is {width} x {height}, and is not empty"
            ));
        }
    }
    if shapes.len() > MOST_SHAPES {
        return Err(format!("a mask has {MOST_SHAPES} shapes at most"));
    }
    for shape in shapes {
        let is_near = |value: f32| (-1.0..=2.0).contains(&value);
        if !(3..=MOST_CORNERS).contains(&shape.points.len())
            || !shape.points.iter().flatten().copied().all(is_near)
        {
            return Err(format!(
                "a shape has 3 to {MOST_CORNERS} corners, each of them x and y as shares of the frame"
            ));
        }
    }
    let mask = polygon::mask(shapes, (width, height));
    let [x, y, w, h] = region.unwrap_or([0, 0, width, height]);
    let mut rows = (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y)));
    match rows.any(|(x, y)| mask.get_pixel(x, y).0[0] > 0) {
        true => Ok(()),
        false => Err("nothing would be inspected: the mask leaves out all of the region".into()),
    }
}
