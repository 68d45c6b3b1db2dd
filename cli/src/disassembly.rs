//! Emitted x86-64 code as text, with labels where branches lead, and a word about what is loaded.

use std::collections::BTreeMap;

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter, OpKind,
    Register, SymbolResolver, SymbolResult,
};

/// The column where comments begin.
const COMMENT_COLUMN: usize = 52;

/// Disassembles a function. `tables` are names for addresses that the code holds.
pub fn disassemble(code: &[u8], tables: BTreeMap<u64, String>) -> String {
    let instructions: Vec<Instruction> = Decoder::with_ip(64, code, 0, DecoderOptions::NONE)
        .iter()
        .collect();
    let mut names = tables;
    for instruction in &instructions {
        if leads_somewhere(instruction) {
            let target = instruction.near_branch_target();
            names
                .entry(target)
                .or_insert_with(|| format!("L{target:x}"));
        }
    }
    let mut formatter = IntelFormatter::with_options(Some(Box::new(Names(names.clone()))), None);
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter
        .options_mut()
        .set_space_after_operand_separator(true);
    formatter
        .options_mut()
        .set_small_hex_numbers_in_decimal(true);
    let mut packet_in_rdi = true;
    let mut text = String::new();
    // What a processor never reaches only fills up lines.
    for instruction in instructions
        .iter()
        .filter(|instruction| instruction.code() != Code::Int3)
    {
        if let Some(label) = names.get(&instruction.ip()) {
            text += &format!("{label}:\n");
        }
        let mut line = String::new();
        formatter.format(instruction, &mut line);
        let line = format!("{:6x}:  {line}", instruction.ip());
        match comment(instruction).filter(|_| packet_in_rdi) {
            Some(comment) => text += &format!("{line:COMMENT_COLUMN$}; {comment}\n"),
            None => text += &format!("{line}\n"),
        }
        packet_in_rdi &= !overwrites_packet(instruction);
    }
    text
}

/// What an instruction loads from the packet, at a place that is known.
fn comment(instruction: &Instruction) -> Option<String> {
    let loads =
        (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    if !loads
        || instruction.memory_base() != Register::RDI
        || instruction.memory_index() != Register::None
    {
        return None;
    }
    let at = instruction.memory_displacement64();
    match instruction.memory_size().size() {
        // An address that is computed, not loaded from.
        0 => None,
        bytes => Some(format!("packet {at}:{}", 8 * bytes)),
    }
}

/// Whether the first parameter's register may hold something else afterwards.
fn overwrites_packet(instruction: &Instruction) -> bool {
    let compares = matches!(
        instruction.mnemonic(),
        iced_x86::Mnemonic::Cmp | iced_x86::Mnemonic::Test
    );
    instruction.op_count() > 0
        && instruction.op0_register().full_register() == Register::RDI
        && !compares
}

fn leads_somewhere(instruction: &Instruction) -> bool {
    matches!(
        instruction.flow_control(),
        FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch
    )
}

/// Names for the addresses of labels and tables.
struct Names(BTreeMap<u64, String>);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _: u32,
        _: Option<u32>,
        address: u64,
        _: u32,
    ) -> Option<SymbolResult<'_>> {
        // Small constants are constants, also where an instruction has the same offset.
        let is_branch = leads_somewhere(instruction);
        let is_address = address > u64::from(u32::MAX);
        (is_branch || is_address).then_some(())?;
        self.0
            .get(&address)
            .map(|name| SymbolResult::with_str(address, name))
    }
}
