//! What stores do together, seen from outside: one idea each here, random histories against a single store in [`model`].

mod cluster;
mod crossing;
mod declaration;
mod judged;
mod model;
mod partition;
mod past;
mod scan;
mod sequence;
