//! The messages of Lc0's weight files: number, name and kind of every field. Reading, names, JSON and writing follow
//! from this table.

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Uint,
    Float,
    Fixed32,
    Text,
    Bytes,
    Enum(&'static Enumeration),
    /// Numbers, one field each.
    Uints,
    Message(&'static Message),
    Messages(&'static Message),
}

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub number: u32,
    pub name: &'static str,
    pub kind: Kind,
}

/// A message and its fields.
#[derive(Debug)]
pub(super) struct Message {
    pub fields: &'static [Field],
}

impl Message {
    /// The place of a field in [`Message::fields`].
    pub fn place(&self, number: u64) -> Option<usize> {
        self.fields
            .iter()
            .position(|field| u64::from(field.number) == number)
    }

    /// The place of a field that this program asks for by name.
    ///
    /// # Panics
    /// There is no such field: a mistake in this program.
    pub fn named(&self, name: &str) -> usize {
        self.fields
            .iter()
            .position(|field| field.name == name)
            .unwrap_or_else(|| panic!("the schema has a field {name}"))
    }
}

/// Names of numbers.
#[derive(Debug)]
pub(super) struct Enumeration {
    values: &'static [(u32, &'static str)],
}

impl Enumeration {
    /// The name of a value; a number that has none is told as it is.
    pub fn name(&self, value: u32) -> String {
        self.values
            .iter()
            .find(|(number, _)| *number == value)
            .map_or_else(
                || format!("unknown ({value})"),
                |(_, name)| (*name).to_string(),
            )
    }
}

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind }
}

const fn uint(number: u32, name: &'static str) -> Field {
    field(number, name, Kind::Uint)
}

const fn float(number: u32, name: &'static str) -> Field {
    field(number, name, Kind::Float)
}

const fn text(number: u32, name: &'static str) -> Field {
    field(number, name, Kind::Text)
}

const fn choice(number: u32, name: &'static str, values: &'static Enumeration) -> Field {
    field(number, name, Kind::Enum(values))
}

const fn one(number: u32, name: &'static str, message: &'static Message) -> Field {
    field(number, name, Kind::Message(message))
}

const fn many(number: u32, name: &'static str, message: &'static Message) -> Field {
    field(number, name, Kind::Messages(message))
}

const fn layer(number: u32, name: &'static str) -> Field {
    one(number, name, &LAYER)
}

const fn conv(number: u32, name: &'static str) -> Field {
    one(number, name, &CONV_BLOCK)
}

pub(super) static NET: Message = Message {
    fields: &[
        field(1, "magic", Kind::Fixed32),
        text(2, "license"),
        one(3, "min_version", &ENGINE_VERSION),
        one(4, "format", &FORMAT),
        one(5, "training_params", &TRAINING_PARAMS),
        one(10, "weights", &WEIGHTS),
        one(11, "onnx_model", &ONNX_MODEL),
    ],
};

pub(super) static ENGINE_VERSION: Message = Message {
    fields: &[uint(1, "major"), uint(2, "minor"), uint(3, "patch")],
};

pub(super) static FORMAT: Message = Message {
    fields: &[
        choice(1, "weights_encoding", &WEIGHTS_ENCODING),
        one(2, "network_format", &NETWORK_FORMAT),
    ],
};

pub(super) static TRAINING_PARAMS: Message = Message {
    fields: &[
        uint(1, "training_steps"),
        float(2, "learning_rate"),
        float(3, "mse_loss"),
        float(4, "policy_loss"),
        float(5, "accuracy"),
        text(6, "lc0_params"),
    ],
};

pub(super) static ONNX_MODEL: Message = Message {
    fields: &[
        field(1, "model", Kind::Bytes),
        choice(2, "data_type", &ONNX_DATA_TYPE),
        text(3, "input_planes"),
        text(4, "output_value"),
        text(5, "output_wdl"),
        text(6, "output_policy"),
        text(7, "output_mlh"),
    ],
};

pub(super) static NETWORK_FORMAT: Message = Message {
    fields: &[
        choice(1, "input", &INPUT_FORMAT),
        choice(2, "output", &OUTPUT_FORMAT),
        choice(3, "network", &NETWORK_STRUCTURE),
        choice(4, "policy", &POLICY_FORMAT),
        choice(5, "value", &VALUE_FORMAT),
        choice(6, "moves_left", &MOVES_LEFT_FORMAT),
        choice(7, "default_activation", &DEFAULT_ACTIVATION),
        choice(8, "smolgen_activation", &ACTIVATION),
        choice(9, "ffn_activation", &ACTIVATION),
        choice(10, "input_embedding", &INPUT_EMBEDDING),
    ],
};

pub(super) static LAYER: Message = Message {
    fields: &[
        float(1, "min_val"),
        float(2, "max_val"),
        field(3, "params", Kind::Bytes),
        choice(4, "encoding", &LAYER_ENCODING),
        field(5, "dims", Kind::Uints),
    ],
};

pub(super) static CONV_BLOCK: Message = Message {
    fields: &[
        layer(1, "weights"),
        layer(2, "biases"),
        layer(3, "bn_means"),
        layer(4, "bn_stddivs"),
        layer(5, "bn_gammas"),
        layer(6, "bn_betas"),
    ],
};

static SE_UNIT: Message = Message {
    fields: &[
        layer(1, "w1"),
        layer(2, "b1"),
        layer(3, "w2"),
        layer(4, "b2"),
    ],
};

static RESIDUAL: Message = Message {
    fields: &[conv(1, "conv1"), conv(2, "conv2"), one(3, "se", &SE_UNIT)],
};

static SMOLGEN: Message = Message {
    fields: &[
        layer(1, "compress"),
        layer(2, "dense1_w"),
        layer(3, "dense1_b"),
        layer(4, "ln1_gammas"),
        layer(5, "ln1_betas"),
        layer(6, "dense2_w"),
        layer(7, "dense2_b"),
        layer(8, "ln2_gammas"),
        layer(9, "ln2_betas"),
    ],
};

static MHA: Message = Message {
    fields: &[
        layer(1, "q_w"),
        layer(2, "q_b"),
        layer(3, "k_w"),
        layer(4, "k_b"),
        layer(5, "v_w"),
        layer(6, "v_b"),
        layer(7, "dense_w"),
        layer(8, "dense_b"),
        one(9, "smolgen", &SMOLGEN),
        layer(10, "rpe_q"),
        layer(11, "rpe_k"),
        layer(12, "rpe_v"),
    ],
};

static FFN: Message = Message {
    fields: &[
        layer(1, "dense1_w"),
        layer(2, "dense1_b"),
        layer(3, "dense2_w"),
        layer(4, "dense2_b"),
    ],
};

static ENCODER_LAYER: Message = Message {
    fields: &[
        one(1, "mha", &MHA),
        layer(2, "ln1_gammas"),
        layer(3, "ln1_betas"),
        one(4, "ffn", &FFN),
        layer(5, "ln2_gammas"),
        layer(6, "ln2_betas"),
    ],
};

static POLICY_HEAD: Message = Message {
    fields: &[
        layer(1, "ip_pol_w"),
        layer(2, "ip_pol_b"),
        layer(3, "ip2_pol_w"),
        layer(4, "ip2_pol_b"),
        layer(5, "ip3_pol_w"),
        layer(6, "ip3_pol_b"),
        layer(7, "ip4_pol_w"),
        many(8, "pol_encoder", &ENCODER_LAYER),
        uint(9, "pol_headcount"),
        conv(10, "policy1"),
        conv(11, "policy"),
    ],
};

static VALUE_HEAD: Message = Message {
    fields: &[
        layer(1, "ip_val_w"),
        layer(2, "ip_val_b"),
        layer(3, "ip1_val_w"),
        layer(4, "ip1_val_b"),
        layer(5, "ip2_val_w"),
        layer(6, "ip2_val_b"),
        layer(7, "ip_val_err_w"),
        layer(8, "ip_val_err_b"),
        layer(9, "ip_val_cat_w"),
        layer(10, "ip_val_cat_b"),
        conv(11, "value"),
    ],
};

static POLICY_HEAD_MAP: Message = Message {
    fields: &[text(1, "key"), one(2, "value", &POLICY_HEAD)],
};

static VALUE_HEAD_MAP: Message = Message {
    fields: &[text(1, "key"), one(2, "value", &VALUE_HEAD)],
};

static POLICY_HEADS: Message = Message {
    fields: &[
        layer(1, "ip_pol_w"),
        layer(2, "ip_pol_b"),
        one(3, "vanilla", &POLICY_HEAD),
        one(4, "optimistic_st", &POLICY_HEAD),
        one(5, "soft", &POLICY_HEAD),
        one(6, "opponent", &POLICY_HEAD),
        many(7, "policy_head_map", &POLICY_HEAD_MAP),
    ],
};

static VALUE_HEADS: Message = Message {
    fields: &[
        one(1, "winner", &VALUE_HEAD),
        one(2, "q", &VALUE_HEAD),
        one(3, "st", &VALUE_HEAD),
        many(4, "value_head_map", &VALUE_HEAD_MAP),
    ],
};

pub(super) static WEIGHTS: Message = Message {
    fields: &[
        conv(1, "input"),
        many(2, "residual", &RESIDUAL),
        conv(3, "policy"),
        layer(4, "ip_pol_w"),
        layer(5, "ip_pol_b"),
        conv(6, "value"),
        layer(7, "ip1_val_w"),
        layer(8, "ip1_val_b"),
        layer(9, "ip2_val_w"),
        layer(10, "ip2_val_b"),
        conv(11, "policy1"),
        conv(12, "moves_left"),
        layer(13, "ip1_mov_w"),
        layer(14, "ip1_mov_b"),
        layer(15, "ip2_mov_w"),
        layer(16, "ip2_mov_b"),
        layer(17, "ip2_pol_w"),
        layer(18, "ip2_pol_b"),
        layer(19, "ip3_pol_w"),
        layer(20, "ip3_pol_b"),
        many(21, "pol_encoder", &ENCODER_LAYER),
        layer(22, "ip4_pol_w"),
        uint(24, "pol_headcount"),
        layer(25, "ip_emb_w"),
        layer(26, "ip_emb_b"),
        many(27, "encoder", &ENCODER_LAYER),
        uint(28, "headcount"),
        layer(29, "ip_val_w"),
        layer(30, "ip_val_b"),
        layer(31, "ip_mov_w"),
        layer(32, "ip_mov_b"),
        layer(33, "ip_mult_gate"),
        layer(34, "ip_add_gate"),
        layer(35, "smolgen_w"),
        layer(36, "smolgen_b"),
        layer(37, "ip_emb_preproc_w"),
        layer(38, "ip_emb_preproc_b"),
        layer(39, "ip_emb_ln_gammas"),
        layer(40, "ip_emb_ln_betas"),
        one(41, "ip_emb_ffn", &FFN),
        layer(42, "ip_emb_ffn_ln_gammas"),
        layer(43, "ip_emb_ffn_ln_betas"),
        one(44, "value_heads", &VALUE_HEADS),
        one(45, "policy_heads", &POLICY_HEADS),
    ],
};

pub(super) static WEIGHTS_ENCODING: Enumeration = Enumeration {
    values: &[(0, "UNKNOWN"), (1, "LINEAR16")],
};

pub(super) static LAYER_ENCODING: Enumeration = Enumeration {
    values: &[
        (0, "UNKNOWN_ENCODING"),
        (1, "LINEAR16"),
        (2, "FLOAT16"),
        (3, "BFLOAT16"),
        (4, "FLOAT32"),
    ],
};

pub(super) static ONNX_DATA_TYPE: Enumeration = Enumeration {
    values: &[
        (0, "UNKNOWN_DATATYPE"),
        (1, "FLOAT"),
        (10, "FLOAT16"),
        (16, "BFLOAT16"),
    ],
};

static INPUT_FORMAT: Enumeration = Enumeration {
    values: &[
        (0, "INPUT_UNKNOWN"),
        (1, "INPUT_CLASSICAL_112_PLANE"),
        (2, "INPUT_112_WITH_CASTLING_PLANE"),
        (3, "INPUT_112_WITH_CANONICALIZATION"),
        (4, "INPUT_112_WITH_CANONICALIZATION_HECTOPLIES"),
        (5, "INPUT_112_WITH_CANONICALIZATION_V2"),
        (132, "INPUT_112_WITH_CANONICALIZATION_HECTOPLIES_ARMAGEDDON"),
        (133, "INPUT_112_WITH_CANONICALIZATION_V2_ARMAGEDDON"),
    ],
};

static OUTPUT_FORMAT: Enumeration = Enumeration {
    values: &[
        (0, "OUTPUT_UNKNOWN"),
        (1, "OUTPUT_CLASSICAL"),
        (2, "OUTPUT_WDL"),
    ],
};

static NETWORK_STRUCTURE: Enumeration = Enumeration {
    values: &[
        (0, "NETWORK_UNKNOWN"),
        (1, "NETWORK_CLASSICAL"),
        (2, "NETWORK_SE"),
        (3, "NETWORK_CLASSICAL_WITH_HEADFORMAT"),
        (4, "NETWORK_SE_WITH_HEADFORMAT"),
        (5, "NETWORK_ONNX"),
        (6, "NETWORK_ATTENTIONBODY_WITH_HEADFORMAT"),
        (7, "NETWORK_ATTENTIONBODY_WITH_MULTIHEADFORMAT"),
        (134, "NETWORK_AB_LEGACY_WITH_MULTIHEADFORMAT"),
    ],
};

static POLICY_FORMAT: Enumeration = Enumeration {
    values: &[
        (0, "POLICY_UNKNOWN"),
        (1, "POLICY_CLASSICAL"),
        (2, "POLICY_CONVOLUTION"),
        (3, "POLICY_ATTENTION"),
    ],
};

static VALUE_FORMAT: Enumeration = Enumeration {
    values: &[
        (0, "VALUE_UNKNOWN"),
        (1, "VALUE_CLASSICAL"),
        (2, "VALUE_WDL"),
        (3, "VALUE_PARAM"),
    ],
};

static MOVES_LEFT_FORMAT: Enumeration = Enumeration {
    values: &[(0, "MOVES_LEFT_NONE"), (1, "MOVES_LEFT_V1")],
};

static DEFAULT_ACTIVATION: Enumeration = Enumeration {
    values: &[
        (0, "DEFAULT_ACTIVATION_RELU"),
        (1, "DEFAULT_ACTIVATION_MISH"),
    ],
};

static ACTIVATION: Enumeration = Enumeration {
    values: &[
        (0, "ACTIVATION_DEFAULT"),
        (1, "ACTIVATION_MISH"),
        (2, "ACTIVATION_RELU"),
        (3, "ACTIVATION_NONE"),
        (4, "ACTIVATION_TANH"),
        (5, "ACTIVATION_SIGMOID"),
        (6, "ACTIVATION_SELU"),
        (7, "ACTIVATION_SWISH"),
        (8, "ACTIVATION_RELU_2"),
        (9, "ACTIVATION_SOFTMAX"),
    ],
};

static INPUT_EMBEDDING: Enumeration = Enumeration {
    values: &[
        (0, "INPUT_EMBEDDING_NONE"),
        (1, "INPUT_EMBEDDING_PE_MAP"),
        (2, "INPUT_EMBEDDING_PE_DENSE"),
    ],
};
