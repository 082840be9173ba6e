//! The pickle machine: reads the opcodes that `torch.save` emits and builds a graph of plain objects.
//!
//! The opcodes are those of Python's `pickletools`. Objects live in one list and refer to each other by position, so
//! that lists which contain themselves need no care here, and dropping them no recursion.

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Take};

use super::graph::{Global, Graph, Id, Node, Storage};
use super::{OBJECTS_LIMIT, PICKLE_LIMIT, Problem};

/// Reads one pickle, up to and including its STOP.
pub(super) fn run<R: BufRead>(input: &mut R) -> Result<Graph, Problem> {
    let mut machine = Machine {
        input: input.take(PICKLE_LIMIT),
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        storages: Vec::new(),
        storage_of_key: HashMap::new(),
        copies: 0,
    };
    loop {
        if let Some(root) = machine.step()? {
            return Ok(Graph {
                root,
                nodes: machine.nodes,
                storages: machine.storages,
            });
        }
    }
}

pub(super) struct Machine<'a, R> {
    input: Take<&'a mut R>,
    pub(super) nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack at the MARKs that are open.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    pub(super) storages: Vec<Storage>,
    pub(super) storage_of_key: HashMap<String, usize>,
    /// Elements that calls copied from their arguments. Five bytes can repeat a call with the same long argument.
    pub(super) copies: usize,
}

impl<R: BufRead> Machine<'_, R> {
    /// Follows one opcode. At the STOP it gives the object that was built.
    fn step(&mut self) -> Result<Option<Id>, Problem> {
        let [opcode] = self.bytes()?;
        match opcode {
            // PROTO, FRAME: nothing to know.
            0x80 => drop(self.bytes::<1>()?),
            0x95 => drop(self.bytes::<8>()?),
            b'.' => return self.pop().map(Some),

            // The stack.
            b'(' => {
                bounded(self.marks.len())?;
                self.marks.push(self.stack.len());
            }
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => self.push(self.top()?)?,

            // PUT, BINPUT, LONG_BINPUT, MEMOIZE; GET, BINGET, LONG_BINGET.
            b'p' => {
                let at = self.number_line()?;
                self.remember(at)?;
            }
            b'q' => {
                let at = self.unsigned::<1>()?;
                self.remember(at)?;
            }
            b'r' => {
                let at = self.unsigned::<4>()?;
                self.remember(at)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'g' => {
                let at = self.number_line()?;
                self.recall(at)?;
            }
            b'h' => {
                let at = self.unsigned::<1>()?;
                self.recall(at)?;
            }
            b'j' => {
                let at = self.unsigned::<4>()?;
                self.recall(at)?;
            }

            // Constants and numbers.
            b'N' => self.create(Node::None)?,
            0x88 => self.create(Node::Bool(true))?,
            0x89 => self.create(Node::Bool(false))?,
            b'J' => {
                let number = i32::from_le_bytes(self.bytes()?);
                self.create(Node::Int(number.into()))?;
            }
            b'K' => {
                let number = self.unsigned::<1>()?;
                self.create(Node::Int(number.into()))?;
            }
            b'M' => {
                let number = self.unsigned::<2>()?;
                self.create(Node::Int(number.into()))?;
            }
            b'I' => {
                let line = self.line()?;
                // How protocol 1 writes False and True.
                let node = match line.as_str() {
                    "00" => Node::Bool(false),
                    "01" => Node::Bool(true),
                    number => Node::Int(parsed(number)?),
                };
                self.create(node)?;
            }
            b'L' => {
                let line = self.line()?;
                self.create(Node::Int(parsed(line.trim_end_matches('L'))?))?;
            }
            0x8a => self.long::<1>()?,
            0x8b => self.long::<4>()?,
            b'F' => {
                let line = self.line()?;
                self.create(Node::Float(parsed(&line)?))?;
            }
            b'G' => {
                let number = f64::from_be_bytes(self.bytes()?);
                self.create(Node::Float(number))?;
            }

            // Strings: BINUNICODE and its kin, the `str` of Python 2, `bytes`.
            0x8c | b'U' | b'C' => self.text::<1>()?,
            b'X' | b'T' | b'B' => self.text::<4>()?,
            0x8d | 0x8e => self.text::<8>()?,

            // Tuples.
            b')' => self.create(Node::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let start = self
                    .stack
                    .len()
                    .checked_sub(count)
                    .filter(|&start| start >= self.floor());
                let items = self.stack.split_off(start.ok_or_else(underflow)?);
                self.create(Node::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_mark()?;
                self.create(Node::Tuple(items))?;
            }

            // Lists.
            b']' => self.create(Node::List(Vec::new()))?,
            b'l' => {
                let items = self.pop_mark()?;
                self.create(Node::List(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.extend_list(items)?;
            }

            // Dictionaries.
            b'}' => self.create(Node::Dict(Vec::new()))?,
            b'd' => {
                let items = self.pop_mark()?;
                self.create(Node::Dict(Vec::new()))?;
                self.extend_dict(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.extend_dict(&items)?;
            }

            // GLOBAL, STACK_GLOBAL, and INST, which calls one with the arguments since the mark.
            b'c' => {
                let global = self.global_line()?;
                self.create(Node::Global(global))?;
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let global = Global::named(self.as_text(module)?, self.as_text(name)?)?;
                self.create(Node::Global(global))?;
            }
            b'i' => {
                let global = self.global_line()?;
                let arguments = self.pop_mark()?;
                self.call(global, &arguments)?;
            }

            // REDUCE and NEWOBJ both call; what is called here has no classes to tell them apart.
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let called = self.pop()?;
                let Node::Global(global) = self.nodes[called] else {
                    return Err(Problem::malformed(
                        "something that is not a function is called",
                    ));
                };
                // Copied, and thus short: a file could name one long tuple many times.
                let arguments = self.as_short_sequence(arguments)?.to_vec();
                self.call(global, &arguments)?;
            }
            // BUILD gives a state dict its `_metadata`, the version of each layer's format, of no use here.
            b'b' => {
                self.pop()?;
                if !matches!(self.nodes[self.top()?], Node::Dict(_)) {
                    return Err(Problem::malformed(
                        "attributes are set on something that is not a dictionary",
                    ));
                }
            }
            b'Q' => {
                let identifier = self.pop()?;
                self.persistent(identifier)?;
            }
            _ => {
                return Err(Problem::malformed(format!(
                    "the pickle has an opcode {opcode:#04x} that torch never writes"
                )));
            }
        }
        Ok(None)
    }

    // The stack and the memo.

    pub(super) fn create(&mut self, node: Node) -> Result<(), Problem> {
        bounded(self.nodes.len())?;
        self.nodes.push(node);
        self.push(self.nodes.len() - 1)
    }

    pub(super) fn push(&mut self, id: Id) -> Result<(), Problem> {
        bounded(self.stack.len())?;
        self.stack.push(id);
        Ok(())
    }

    /// The height of the stack that only the end of the innermost MARK may go below.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, Problem> {
        self.stack[self.floor()..]
            .last()
            .copied()
            .ok_or_else(underflow)
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Problem> {
        Ok(self
            .stack
            .split_off(self.marks.pop().ok_or_else(underflow)?))
    }

    fn remember(&mut self, at: u64) -> Result<(), Problem> {
        bounded(self.memo.len())?;
        self.memo.insert(at, self.top()?);
        Ok(())
    }

    fn recall(&mut self, at: u64) -> Result<(), Problem> {
        let id = self.memo.get(&at).copied();
        self.push(
            id.ok_or_else(|| Problem::malformed("the pickle recalls an object it has not had"))?,
        )
    }

    // Containers. Their elements were each pushed once, so that they are as bounded as the pickle.

    fn extend_list(&mut self, mut items: Vec<Id>) -> Result<(), Problem> {
        let list = self.top()?;
        match &mut self.nodes[list] {
            Node::List(list) => {
                list.append(&mut items);
                Ok(())
            }
            _ => Err(Problem::malformed(
                "something that is not a list is appended to",
            )),
        }
    }

    fn extend_dict(&mut self, items: &[Id]) -> Result<(), Problem> {
        let dict = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        match &mut self.nodes[dict] {
            Node::Dict(entries) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(Problem::malformed("a dictionary is filled wrongly")),
        }
    }

    // What follows an opcode.

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let mut bytes = [0; N];
        self.input
            .read_exact(&mut bytes)
            .map_err(|error| self.ended(error))?;
        Ok(bytes)
    }

    /// A little-endian number of up to eight bytes.
    fn unsigned<const N: usize>(&mut self) -> Result<u64, Problem> {
        let bytes: [u8; N] = self.bytes()?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// As many bytes as a number of `N` bytes says, which must be there before they take memory.
    fn counted<const N: usize>(&mut self) -> Result<Vec<u8>, Problem> {
        let length = self.unsigned::<N>()?;
        let mut bytes = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            return Err(self.ended(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    fn text<const N: usize>(&mut self) -> Result<(), Problem> {
        let text = utf8(self.counted::<N>()?)?;
        self.create(Node::Text(text))
    }

    /// LONG1, LONG4: a two's complement of as many bytes as a number of `N` bytes says.
    fn long<const N: usize>(&mut self) -> Result<(), Problem> {
        let bytes = self.counted::<N>()?;
        let sign = if bytes.last().is_some_and(|&byte| byte >= 0x80) {
            0xff
        } else {
            0
        };
        let mut number = [sign; 16];
        number
            .get_mut(..bytes.len())
            .ok_or_else(|| Problem::malformed("an integer is far too long"))?
            .copy_from_slice(&bytes);
        self.create(Node::Int(i128::from_le_bytes(number)))
    }

    fn line(&mut self) -> Result<String, Problem> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(self.ended(io::ErrorKind::UnexpectedEof.into()));
        }
        utf8(line)
    }

    fn number_line(&mut self) -> Result<u64, Problem> {
        parsed(&self.line()?)
    }

    fn global_line(&mut self) -> Result<Global, Problem> {
        let module = self.line()?;
        let name = self.line()?;
        Global::named(&module, &name)
    }

    fn ended(&self, error: io::Error) -> Problem {
        match error.kind() {
            io::ErrorKind::UnexpectedEof if self.input.limit() == 0 => {
                Problem::TooLarge("its pickle is too long")
            }
            io::ErrorKind::UnexpectedEof => Problem::malformed("the pickle ends early"),
            _ => Problem::Io(error),
        }
    }
}

pub(super) fn bounded(objects: usize) -> Result<(), Problem> {
    if objects < OBJECTS_LIMIT {
        Ok(())
    } else {
        Err(Problem::TooLarge("it has too many objects"))
    }
}

fn underflow() -> Problem {
    Problem::malformed("the pickle takes more from its stack than it has put there")
}

fn utf8(bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes)
        .map_err(|_| Problem::malformed("the pickle has text that is not UTF-8"))
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::malformed("the pickle has a number that is none"))
}
