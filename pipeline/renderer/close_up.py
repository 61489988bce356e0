def close_up_stage(*a): raise NotImplementedError
