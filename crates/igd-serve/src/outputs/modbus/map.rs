//! Which register is what. `docs/outputs.md` has it as a table.

use tokio_modbus::{ExceptionCode, Request, Response};

use crate::command::Command;
use crate::outputs::board::Shown;
use crate::record::Verdict;

/// Discrete inputs of a camera.
const BITS: usize = 8;
/// Input registers of a camera.
const WORDS: usize = 16;
/// What one request may ask for, by the specification of Modbus.
const MOST_BITS: u16 = 2000;
const MOST_WORDS: u16 = 125;

/// Cameras and recipes by number.
pub(super) struct Map {
    /// In the order of their names. A camera's coil and its holding register have its index; its inputs begin at that
    /// times [`BITS`] and [`WORDS`].
    cameras: Vec<String>,
    /// In the order of their names, from number 1 on.
    recipes: Vec<String>,
}

/// What a client has written.
pub(super) struct Write {
    pub(super) commands: Vec<Command>,
    /// If all is done.
    pub(super) answer: Response,
}

impl Map {
    pub(super) fn new(cameras: Vec<String>, recipes: Vec<String>) -> Result<Self, String> {
        let most = (usize::from(u16::MAX) + 1) / WORDS;
        if cameras.len() > most || recipes.len() > usize::from(u16::MAX) {
            return Err(format!(
                "Modbus has numbers for {most} cameras and {} recipes",
                u16::MAX
            ));
        }
        Ok(Self { cameras, recipes })
    }

    /// None: nothing is written.
    pub(super) fn write(&self, request: &Request) -> Result<Option<Write>, ExceptionCode> {
        let (commands, answer) = match request {
            Request::WriteSingleCoil(at, on) => (
                self.triggers(*at, &[*on])?,
                Response::WriteSingleCoil(*at, *on),
            ),
            Request::WriteMultipleCoils(at, on) => (
                self.triggers(*at, on)?,
                Response::WriteMultipleCoils(*at, on.len() as u16),
            ),
            Request::WriteSingleRegister(at, number) => (
                self.switches(*at, &[*number])?,
                Response::WriteSingleRegister(*at, *number),
            ),
            Request::WriteMultipleRegisters(at, numbers) => (
                self.switches(*at, numbers)?,
                Response::WriteMultipleRegisters(*at, numbers.len() as u16),
            ),
            _ => return Ok(None),
        };
        Ok(Some(Write { commands, answer }))
    }

    fn triggers(&self, at: u16, on: &[bool]) -> Result<Vec<Command>, ExceptionCode> {
        let cameras = span(&self.cameras, at, on.len())?;
        let on = cameras.iter().zip(on).filter(|(_, on)| **on);
        Ok(on
            .map(|(camera, _)| Command::Trigger {
                camera: camera.clone(),
            })
            .collect())
    }

    fn switches(&self, at: u16, numbers: &[u16]) -> Result<Vec<Command>, ExceptionCode> {
        let cameras = span(&self.cameras, at, numbers.len())?;
        let switch = |(camera, number): (&String, &u16)| {
            let recipe = usize::from(*number)
                .checked_sub(1)
                .and_then(|index| self.recipes.get(index));
            Ok(Command::Recipe {
                camera: camera.clone(),
                recipe: recipe.ok_or(ExceptionCode::IllegalDataValue)?.clone(),
            })
        };
        cameras.iter().zip(numbers).map(switch).collect()
    }

    /// Of what all cameras show, and seconds since the start.
    pub(super) fn read(
        &self,
        request: &Request,
        shown: &[Shown],
        seconds: u16,
    ) -> Result<Response, ExceptionCode> {
        match *request {
            Request::ReadCoils(at, count) => {
                // A trigger is taken at once.
                let coils = vec![false; shown.len()];
                Ok(Response::ReadCoils(asked(&coils, at, count, MOST_BITS)?))
            }
            Request::ReadDiscreteInputs(at, count) => {
                let bits: Vec<_> = shown.iter().flat_map(bits).collect();
                Ok(Response::ReadDiscreteInputs(asked(
                    &bits, at, count, MOST_BITS,
                )?))
            }
            Request::ReadInputRegisters(at, count) => {
                let words: Vec<_> = shown
                    .iter()
                    .flat_map(|shown| self.words(shown, seconds))
                    .collect();
                Ok(Response::ReadInputRegisters(asked(
                    &words, at, count, MOST_WORDS,
                )?))
            }
            Request::ReadHoldingRegisters(at, count) => {
                let recipes: Vec<_> = shown
                    .iter()
                    .map(|shown| self.number(&shown.recipe))
                    .collect();
                Ok(Response::ReadHoldingRegisters(asked(
                    &recipes, at, count, MOST_WORDS,
                )?))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    fn words(&self, shown: &Shown, seconds: u16) -> [u16; WORDS] {
        let mut words = [0; WORDS];
        if let Some(last) = &shown.last {
            words[0] = last.seq as u16;
            words[1] = match last.verdict {
                Verdict::Good => 1,
                Verdict::Bad => 2,
                Verdict::None => 3,
            };
            words[2] = thousandths(last.score);
            words[3] = thousandths(last.normalized);
            words[6] = (last.seq >> 16) as u16;
        }
        words[4] = seconds;
        words[5] = self.number(&shown.recipe);
        words
    }

    fn number(&self, recipe: &str) -> u16 {
        let index = self.recipes.iter().position(|known| known == recipe);
        // There are at most as many as fit.
        index.map_or(0, |index| index as u16 + 1)
    }
}

fn bits(shown: &Shown) -> [bool; BITS] {
    let mut bits = [false; BITS];
    if let Some(last) = &shown.last {
        bits[0] = last.verdict == Verdict::Good;
        bits[1] = last.verdict == Verdict::Bad;
        bits[2] = last.verdict == Verdict::None;
    }
    bits
}

/// At most 65535; 0 where there is none.
fn thousandths(score: Option<f32>) -> u16 {
    // Casts saturate.
    score.map_or(0, |score| (score * 1000.0).round() as u16)
}

fn asked<T: Clone>(all: &[T], at: u16, count: u16, most: u16) -> Result<Vec<T>, ExceptionCode> {
    match count <= most {
        true => span(all, at, count.into()).map(<[T]>::to_vec),
        false => Err(ExceptionCode::IllegalDataValue),
    }
}

fn span<T>(all: &[T], at: u16, count: usize) -> Result<&[T], ExceptionCode> {
    if count == 0 {
        return Err(ExceptionCode::IllegalDataValue);
    }
    let at = usize::from(at);
    all.get(at..at + count)
        .ok_or(ExceptionCode::IllegalDataAddress)
}
