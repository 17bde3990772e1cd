//! Estimates what a function costs the compiler, before the compiler starts: it cannot be stopped, and a few
//! kilobytes of the right shape can keep it busy for minutes or take gigabytes.
//!
//! The formula was fitted to measurements of shapes that are known to be bad: long rows of branches, nested loops, many
//! locals that live through loops, calls and loops with many results or parameters. It is within a factor of three of
//! those, and below a tenth of any limit for what compilers make of programs. One core of a 2021 server took the times.

use std::ops::AddAssign;

use wasmparser::{BinaryReaderError, BlockType, FuncType, FunctionBody, Operator};

/// Estimated cost of compilation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effort {
    pub(super) nanos: u64,
    /// What one function needs at once; it is given back before the next.
    pub(super) bytes: u64,
}

/// The parameters and results of the types and functions of a module, as far as they were read.
#[derive(Default)]
pub(super) struct Arities {
    pub(super) types: Vec<Arity>,
    /// Imported functions first, as in WebAssembly.
    pub(super) functions: Vec<u32>,
}

/// How many values a type takes and gives.
#[derive(Clone, Copy, Default)]
pub(super) struct Arity {
    params: u64,
    results: u64,
}

impl From<FuncType> for Arity {
    fn from(ty: FuncType) -> Self {
        Self { params: ty.params().len() as u64, results: ty.results().len() as u64 }
    }
}

/// What a function's cost depends on.
#[derive(Default)]
struct Shape {
    bytes: u64,
    locals: u64,
    /// Ends of straight pieces of code.
    branches: u64,
    loops: u64,
    /// Values that loops take with them on every turn.
    loop_params: u64,
    /// Values beyond the first that calls and blocks yield.
    extra_results: u64,
}

impl Arities {
    /// The cost of one function, whose number counts imported ones too.
    pub(super) fn effort(
        &self,
        function: usize,
        body: &FunctionBody<'_>,
    ) -> Result<Effort, BinaryReaderError> {
        let mut shape = Shape { bytes: body.range().len() as u64, ..Shape::default() };
        shape.locals = self.function(function).params;
        for locals in body.get_locals_reader()? {
            shape.locals += u64::from(locals?.0);
        }
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            self.count(&operators.read()?, &mut shape);
        }
        Ok(shape.effort())
    }

    fn count(&self, operator: &Operator<'_>, shape: &mut Shape) {
        match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                shape.branches += 1;
                shape.extra_results += self.block(blockty).results.saturating_sub(1);
            }
            Operator::Loop { blockty } => {
                shape.branches += 1;
                shape.loops += 1;
                shape.loop_params += self.block(blockty).params;
                shape.extra_results += self.block(blockty).results.saturating_sub(1);
            }
            Operator::BrTable { targets } => shape.branches += u64::from(targets.len()),
            Operator::Br { .. } | Operator::BrIf { .. } | Operator::Else => shape.branches += 1,
            Operator::Call { function_index } => {
                let results = self.function(*function_index as usize).results;
                shape.extra_results += results.saturating_sub(1);
            }
            Operator::CallIndirect { type_index, .. } => {
                shape.extra_results += self.ty(*type_index).results.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn block(&self, ty: &BlockType) -> Arity {
        match ty {
            BlockType::Empty | BlockType::Type(_) => Arity::default(),
            BlockType::FuncType(ty) => self.ty(*ty),
        }
    }

    fn function(&self, function: usize) -> Arity {
        self.functions.get(function).map_or(Arity::default(), |&ty| self.ty(ty))
    }

    /// A type that does not exist costs nothing: validation refuses the module.
    fn ty(&self, ty: u32) -> Arity {
        self.types.get(ty as usize).copied().unwrap_or_default()
    }
}

impl Shape {
    fn effort(&self) -> Effort {
        let [bytes, locals, branches, loops, loop_params, extra_results] = [
            self.bytes,
            self.locals,
            self.branches,
            self.loops,
            self.loop_params,
            self.extra_results,
        ]
        .map(u128::from);
        let nanos = 100_000
            + 1_000 * bytes
            + 5 * branches * branches
            + 300 * loops * loops
            + 3 * loops * locals * locals
            + 2_000 * extra_results
            + extra_results * extra_results / 400
            + 100 * loop_params * loops;
        let bytes = 1_000 * bytes + 500 * extra_results + 40 * loop_params * loops;
        // The locals are 2^52 at most and everything else is a part of 2^32 bytes, so 128 bits hold the products.
        Effort { nanos: saturated(nanos), bytes: saturated(bytes) }
    }
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl AddAssign for Effort {
    fn add_assign(&mut self, other: Effort) {
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.bytes = self.bytes.max(other.bytes);
    }
}
