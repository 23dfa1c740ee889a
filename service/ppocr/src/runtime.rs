//! ONNX Runtime, and models loaded by it.

use std::fs;
use std::path::Path;

use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session};
use ort::value::TensorRef;

use crate::PpOcrError;

/// The loaded library. It has no threads of its own, if its telemetry is off.
#[derive(Debug)]
pub(crate) struct Runtime(Environment);

impl Runtime {
    pub(crate) fn load(library: &Path) -> Result<Self, PpOcrError> {
        let failed = |cause: String| PpOcrError::Runtime {
            path: library.display().to_string(),
            cause,
        };
        let environment = ort::init_from(library)
            .map_err(|error| failed(error.to_string()))?
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self(environment))
    }

    pub(crate) fn model(&self, path: &Path) -> Result<Model, PpOcrError> {
        let failed = |cause: String| PpOcrError::Load {
            path: path.display().to_string(),
            cause,
        };
        let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
        let session = self
            .session(&bytes)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Model(session))
    }

    fn session(&self, bytes: &[u8]) -> ort::Result<Session> {
        Session::builder(&self.0)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            // Shapes differ from line to line, so that plans for memory would be kept in vain.
            .with_memory_pattern(false)?
            .commit_from_memory(bytes)
    }
}

/// A model with one input and one output.
#[derive(Debug)]
pub(crate) struct Model(Session);

impl Model {
    /// Runs the model on a picture of three channels, row by row: the output's shape and values.
    pub(crate) fn run<T>(
        &mut self,
        pixels: &[f32],
        (width, height): (u32, u32),
        take: impl FnOnce(&[i64], &[f32]) -> T,
    ) -> Result<T, PpOcrError> {
        let shape = [1, 3, height as usize, width as usize];
        let input = TensorRef::from_array_view((shape, pixels))?;
        let mut options = RunOptions::new()?;
        // Pages differ in size, and one large page would keep its memory in the process for good.
        options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
        let outputs = self.0.run_with_options(ort::inputs![input], &options)?;
        let (shape, values) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(take(shape, values))
    }
}
